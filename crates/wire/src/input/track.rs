//! The Track envelope of seed 000: `{"track":[{"name":"Charge","payload":[{"eventId", "userId", "data"}]}]}`.

use std::collections::BTreeMap;

use compact_str::format_compact;
use daybook_core::event::{ChargeEvent, Kind};
use daybook_core::money::Currency;
use daybook_core::rejection::{Reason, Rejection};

use super::Item;
use super::fields::Faults;
use crate::document::Document;

/// The one event name there is.
const EVENT_NAME: &str = "Charge";

pub(super) fn decode(envelope: &Document<'_>, default_currency: Option<Currency>) -> Vec<Item> {
    let Some(Document::Array(track)) = envelope.get("track") else {
        return vec![Item::refused(Reason::FieldInvalid, "track")];
    };
    let mut items = Vec::new();
    // How many items have had an event id so far: their line (5.1).
    let mut lines: BTreeMap<&str, u32> = BTreeMap::new();
    for (t, element) in track.iter().enumerate() {
        let named = matches!(element.get("name"), Some(Document::String(name)) if name == EVENT_NAME);
        let payload = match element.get("payload") {
            Some(Document::Array(payload)) => payload.as_slice(),
            None if matches!(element, Document::Object(_)) => &[],
            _ if !named => {
                items.push(Item::refused(Reason::UnknownEventName, &format_compact!("track[{t}].name")));
                continue;
            }
            _ => {
                items.push(Item::refused(Reason::FieldInvalid, &format_compact!("track[{t}].payload")));
                continue;
            }
        };
        for (p, item) in payload.iter().enumerate() {
            let line = line_of(item, &mut lines);
            let event = if named {
                event(item, line, default_currency, || format!("track[{t}].payload[{p}]."))
            } else {
                Err(Rejection::at(Reason::UnknownEventName, &format_compact!("track[{t}].name")))
            };
            items.push(Item { event, project: None });
        }
    }
    if items.is_empty() {
        items.push(Item::refused(Reason::EmptyEnvelope, "track"));
    }
    items
}

/// A map, since an envelope of megabytes may hold a hundred thousand ids.
fn line_of<'a>(item: &'a Document, lines: &mut BTreeMap<&'a str, u32>) -> u32 {
    let Some(Document::String(id)) = item.get("eventId") else { return 0 };
    let next = lines.entry(id).or_default();
    let line = *next;
    *next = next.saturating_add(1);
    line
}

fn event(
    item: &Document<'_>,
    line: u32,
    default_currency: Option<Currency>,
    prefix: impl Fn() -> String,
) -> Result<ChargeEvent, Rejection> {
    // Paths are built only for what is refused: read once without one, and again where there was a fault.
    read(item, line, default_currency, "").or_else(|_| read(item, line, default_currency, &prefix()))
}

fn read(
    item: &Document<'_>,
    line: u32,
    default_currency: Option<Currency>,
    prefix: &str,
) -> Result<ChargeEvent, Rejection> {
    if !matches!(item, Document::Object(_)) {
        return Err(Rejection::at(Reason::FieldInvalid, prefix.trim_end_matches('.')));
    }
    let mut faults = Faults::new(prefix);
    let event_id = faults.id(item.get("eventId"), "eventId", Reason::EventIdMissing);
    let user = faults.id(item.get("userId"), "userId", Reason::UserMissing);
    let data = item.get("data");
    if data.is_some_and(|d| !matches!(d, Document::Object(_))) {
        faults.note(Reason::FieldInvalid, "data");
    }
    let field = |name: &str| data.and_then(|d| d.get(name));

    if !matches!(field("status"), Some(Document::String(s)) if s == "succeeded") {
        faults.note(Reason::NotSucceeded, "data.status");
    }
    let (amount_field, kind) = match (field("amount"), field("amount_refunded")) {
        (Some(_), Some(_)) => {
            faults.note(Reason::AmountAmbiguous, "data.amount");
            ("amount", Kind::Payment)
        }
        (None, None) => {
            faults.note(Reason::AmountMissing, "data.amount");
            ("amount", Kind::Payment)
        }
        (Some(_), None) => ("amount", Kind::Payment),
        (None, Some(_)) => ("amount_refunded", Kind::Refund),
    };
    let amount_path = if kind == Kind::Refund { "data.amount_refunded" } else { "data.amount" };
    let path = |field: &str| if field == "amount" { amount_path.to_owned() } else { format!("data.{field}") };
    let mut event = ChargeEvent::new(event_id, kind, user);
    event.identity.line = line;
    event.amount = faults.amount(field(amount_field), amount_path);
    event.currency = faults.currency(field("currency"), "data.currency");
    event.charge_id = faults.name(field("chargeId"), "data.chargeId");
    event.order_id = faults.name(field("orderId"), "data.orderId");
    event.product = faults.name(field("productId"), "data.productId");
    event.processor = faults.name(field("provider"), "data.provider");
    event.fee = faults.decimal(field("fee"), "data.fee");
    event.fee_returned = faults.decimal(field("feeReturned"), "data.feeReturned");
    event.tier = faults.name(field("tier"), "data.tier");
    event.occurred_at_ms = faults.time(field("occurredAt"), "data.occurredAt");
    event.livemode = faults.bool(field("livemode"), "data.livemode").unwrap_or(true);
    (event.description, event.card_number_masked) = faults.text(field("description"), "data.description");
    faults.conclude(event, default_currency, path)
}
