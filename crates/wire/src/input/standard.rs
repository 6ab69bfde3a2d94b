//! The standard transaction of seed 003.

use daybook_core::event::{ChargeEvent, Kind};
use daybook_core::money::Currency;
use daybook_core::name::Name;
use daybook_core::rejection::{Reason, Rejection};

use super::fields::Faults;
use crate::document::Document;

/// What type and status say has happened (accounting.md, section 2), and the status that counts: a REFUND or POINTS_* that
/// says REFUNDED is CLEARED.
fn meaning(transaction_type: &str, status: &str) -> Option<(Kind, &'static str)> {
    Some(match (transaction_type, status) {
        ("PURCHASE", "PENDING") => (Kind::Pending, "PENDING"),
        ("PURCHASE", "CLEARED") => (Kind::Payment, "CLEARED"),
        ("PURCHASE", "REFUNDED") => (Kind::RefundRest, "REFUNDED"),
        ("PURCHASE", "FAILED") => (Kind::Failed, "FAILED"),
        ("REFUND", "CLEARED" | "REFUNDED") => (Kind::Refund, "CLEARED"),
        ("REFUND", "FAILED") => (Kind::RefundFailed, "FAILED"),
        ("POINTS_REDEEM", "CLEARED" | "REFUNDED") => (Kind::PointsRedeem, "CLEARED"),
        ("POINTS_ADJUST", "CLEARED" | "REFUNDED") => (Kind::PointsAdjust, "CLEARED"),
        ("REFUND" | "POINTS_REDEEM" | "POINTS_ADJUST", "PENDING") => (Kind::Noted, "PENDING"),
        ("POINTS_REDEEM" | "POINTS_ADJUST", "FAILED") => (Kind::Noted, "FAILED"),
        _ => return None,
    })
}

/// The types and statuses that there are.
const TYPES: [&str; 4] = ["PURCHASE", "REFUND", "POINTS_REDEEM", "POINTS_ADJUST"];

fn path(field: &str) -> String {
    match field {
        "provider" => "payment.provider".to_owned(),
        "pointsDelta" => "rewards.pointsDelta".to_owned(),
        field => field.to_owned(),
    }
}

pub(super) fn decode(
    record: &Document<'_>,
    default_currency: Option<Currency>,
) -> Result<ChargeEvent, Rejection> {
    let mut faults = Faults::new("");
    let text = |name: &str| match record.get(name) {
        Some(Document::String(text)) => &**text,
        _ => "",
    };
    let transaction_type = text("type");
    let known = meaning(transaction_type, text("status"));
    if known.is_none() {
        let at = if TYPES.contains(&transaction_type) { "status" } else { "type" };
        faults.note(Reason::UnknownKind, at);
    }
    // Where it is unknown the event is refused, whatever stands in its place.
    let (kind, status) = known.unwrap_or((Kind::Noted, ""));
    let of_points = transaction_type.starts_with("POINTS_");

    let id = faults.id(record.get("id"), "id", Reason::EventIdMissing);
    let user = faults.object(record.get("user"), "user");
    let user = faults.id(user.and_then(|u| u.get("id")), "user.id", Reason::UserMissing);
    let payment = faults.object(record.get("payment"), "payment");
    let rewards = faults.object(record.get("rewards"), "rewards");
    let settlement = faults.object(record.get("settlement"), "settlement");

    let mut event = ChargeEvent::new(Name::from(format!("{id}/{status}")), kind, user);
    if of_points {
        event.points_delta = faults.points(rewards.and_then(|r| r.get("pointsDelta")), "rewards.pointsDelta");
    } else {
        event.amount = faults.amount(record.get("amount"), "amount");
        event.points_delta = faults.points(rewards.and_then(|r| r.get("pointsDelta")), "rewards.pointsDelta");
        event.rounded_spend =
            faults.decimal(rewards.and_then(|r| r.get("roundedSpend")), "rewards.roundedSpend");
    }
    // What is noted moves nothing; its amount is required all the same.
    if kind == Kind::Noted && status == "PENDING" {
        let (missing, at) = match of_points {
            true => (rewards.and_then(|r| r.get("pointsDelta")).is_none(), "rewards.pointsDelta"),
            false => (record.get("amount").is_none(), "amount"),
        };
        if missing {
            faults.note(Reason::AmountMissing, at);
        }
    }
    event.currency = faults.currency(record.get("currency"), "currency");
    event.fee = faults.decimal(record.get("fee"), "fee");
    event.order_id = faults.name(record.get("orderId"), "orderId");
    event.transaction = Some(id).filter(|id| !id.is_empty());
    event.product = faults.name(record.get("productId"), "productId");
    event.processor = faults.name(payment.and_then(|p| p.get("provider")), "payment.provider");
    event.tier = faults.name(rewards.and_then(|r| r.get("tierAtPurchase")), "rewards.tierAtPurchase");
    event.clears_at_ms = faults.time(settlement.and_then(|s| s.get("clearsAt")), "settlement.clearsAt");
    let created = faults.required_time(record.get("createdAt"), "createdAt");
    let updated = faults.time(record.get("updatedAt"), "updatedAt");
    let cleared = faults.time(settlement.and_then(|s| s.get("clearedAt")), "settlement.clearedAt");
    event.occurred_at_ms = updated.or(cleared.filter(|_| status == "CLEARED")).or(created);
    faults.conclude(event, default_currency, path)
}
