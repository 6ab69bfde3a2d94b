//! The canonical charge: every kind by its name (contracts.md, "In"; accounting.md, section 2).

use daybook_core::event::{ChargeEvent, Kind};
use daybook_core::money::Currency;
use daybook_core::rejection::{Reason, Rejection};

use super::fields::Faults;
use crate::document::Document;

/// `own_letter`: see [`super::Context`].
pub(super) fn decode(
    record: &Document<'_>,
    default_currency: Option<Currency>,
    own_letter: bool,
) -> Result<ChargeEvent, Rejection> {
    let mut faults = Faults::new("");
    let field = |name: &str| record.get(name);
    let kind = match field("kind") {
        Some(Document::String(name)) => Kind::from_name(name),
        _ => None,
    };
    if kind.is_none() {
        faults.note(Reason::UnknownKind, "kind");
    }
    // Where the kind is unknown the event is refused, whatever stands in its place.
    let kind = kind.unwrap_or(Kind::Noted);
    let event_id = match own_letter {
        // That of a standard transaction is its id and status.
        true => faults.long_id(field("eventId"), "eventId", Reason::EventIdMissing),
        false => faults.id(field("eventId"), "eventId", Reason::EventIdMissing),
    };
    let user = faults.id(field("userId"), "userId", Reason::UserMissing);
    let mut event = ChargeEvent::new(event_id, kind, user);
    if !kind.is_points() {
        event.amount = faults.amount(field("amount"), "amount");
    }
    event.currency = faults.currency(field("currency"), "currency");
    event.fee = faults.decimal(field("fee"), "fee");
    event.fee_returned = faults.decimal(field("feeReturned"), "feeReturned");
    event.charge_id = faults.name(field("chargeId"), "chargeId");
    event.order_id = faults.name(field("orderId"), "orderId");
    event.transaction = faults.name(field("transactionId"), "transactionId");
    event.product = faults.name(field("productId"), "productId");
    event.processor = faults.name(field("provider"), "provider");
    event.tier = faults.name(field("tier"), "tier");
    event.occurred_at_ms = match own_letter {
        true => faults.time(field("occurredAt"), "occurredAt"),
        false => faults.required_time(field("occurredAt"), "occurredAt"),
    };
    event.clears_at_ms = faults.time(field("clearsAt"), "clearsAt");
    event.points_delta = faults.points(field("pointsDelta"), "pointsDelta");
    event.livemode = faults.bool(field("livemode"), "livemode").unwrap_or(true);
    (event.description, event.card_number_masked) = faults.text(field("description"), "description");
    if own_letter {
        event.identity.line = faults.count(field("eventLine"), "eventLine").unwrap_or(0);
        event.rounded_spend = faults.decimal(field("roundedSpend"), "roundedSpend");
        event.card_number_masked |= faults.bool(field("cardNumberMasked"), "cardNumberMasked") == Some(true);
    }
    faults.conclude(event, default_currency, str::to_owned)
}
