//! The sales event of seed 002.

use daybook_core::event::{ChargeEvent, Kind};
use daybook_core::money::{AMOUNT_MINOR_MAX, Currency};
use daybook_core::rejection::{Reason, Rejection};
use rust_decimal::Decimal;

use super::fields::Faults;
use crate::document::Document;

fn kind(event_type: &str) -> Option<Kind> {
    Some(match event_type {
        "purchase" | "subscription" | "upgrade" => Kind::Payment,
        "refund" => Kind::Refund,
        "chargeback" => Kind::Chargeback,
        "cancellation" => Kind::Noted,
        _ => return None,
    })
}

fn path(field: &str) -> String {
    match field {
        "amount" => "gross_amount",
        "fee" | "feeReturned" => "net_amount",
        field => field,
    }
    .to_owned()
}

/// Fees by gross and net, both given as positive figures: of a payment F (6.1), of a payback P and V, which then both
/// count as the event's own (6.4).
fn fees(event: &mut ChargeEvent, gross: Decimal, net: Decimal, faults: &mut Faults<'_>) {
    let difference = (gross - net).normalize();
    // Where the difference has more digits than an amount can have, gross or net is beyond every currency's range.
    if difference.mantissa().unsigned_abs() >= AMOUNT_MINOR_MAX.unsigned_abs().into() {
        faults.note(Reason::AmountOutOfRange, "net_amount");
        return;
    }
    match event.kind {
        Kind::Payment => event.fee = Some(difference),
        Kind::Refund | Kind::Chargeback => {
            let charged = net > gross;
            event.fee = Some(if charged { difference.abs() } else { Decimal::ZERO });
            event.fee_returned = Some(if charged { Decimal::ZERO } else { difference });
        }
        _ => {}
    }
}

pub(super) fn decode(
    record: &Document<'_>,
    default_currency: Option<Currency>,
) -> Result<ChargeEvent, Rejection> {
    let mut faults = Faults::new("");
    let field = |name: &str| record.get(name);
    let known = match field("event_type") {
        Some(Document::String(name)) => kind(name),
        _ => None,
    };
    if known.is_none() {
        faults.note(Reason::UnknownKind, "event_type");
    }
    let event_id = faults.id(field("event_id"), "event_id", Reason::EventIdMissing);
    let user = faults.id(field("customer_id"), "customer_id", Reason::UserMissing);
    // Where the type is unknown the event is refused, whatever stands in its place.
    let mut event = ChargeEvent::new(event_id, known.unwrap_or(Kind::Noted), user);
    if field("gross_amount").is_none() {
        faults.note(Reason::AmountMissing, "gross_amount");
    }
    event.amount = faults.amount(field("gross_amount"), "gross_amount");
    if let (Some(gross), Some(net)) = (event.amount, faults.decimal(field("net_amount"), "net_amount")) {
        fees(&mut event, gross, net, &mut faults);
    }
    event.currency = faults.currency(field("currency"), "currency");
    event.order_id = faults.name(field("order_id"), "order_id");
    event.product = faults.name(field("product_id"), "product_id");
    event.processor = faults.name(field("provider"), "provider");
    event.occurred_at_ms = faults.required_time(field("occurred_at"), "occurred_at");
    faults.conclude(event, default_currency, path)
}
