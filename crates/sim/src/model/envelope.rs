//! Records as events, or the reasons why not.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::Input;
use super::card;
use super::figures::{self, Decimal};
use super::json;
use super::time;

const DAY_MS: i64 = 86_400_000;
const HORIZON_MS: i64 = 400 * DAY_MS;
const NAME_BYTES_MAX: usize = 256;

/// Where several reasons apply to a payload item, the first of these counts.
const REASONS: [&str; 14] = [
    "unknown_event_name",
    "not_succeeded",
    "event_id_missing",
    "user_missing",
    "field_invalid",
    "currency_missing",
    "currency_unknown",
    "amount_missing",
    "amount_ambiguous",
    "amount_malformed",
    "amount_not_positive",
    "excess_precision",
    "amount_out_of_range",
    "timestamp_invalid",
];

/// An event that nothing is wrong with, as far as itself is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    /// The books it belongs to: the project's, or those of its tests.
    pub(super) project: String,
    pub(super) event_id: String,
    pub(super) line: u64,
    /// The event's own time, else its record's.
    pub(super) time_ms: i64,
    pub(super) content: Content,
}

/// What two events of one identity must agree in to be the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) kind: Kind,
    pub(super) user: String,
    pub(super) amount_minor: i128,
    pub(super) currency: String,
    pub(super) charge_id: Option<String>,
    pub(super) order_id: Option<String>,
    pub(super) product_id: Option<String>,
    pub(super) processor: Option<String>,
    pub(super) fee_minor: Option<i128>,
    pub(super) fee_returned_minor: Option<i128>,
    pub(super) tier: Option<String>,
    pub(super) occurred_at_ms: Option<i64>,
    pub(super) livemode: bool,
    pub(super) description: Option<String>,
}

/// What an event reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Payment,
    Refund,
}

/// The events of a record; for each that is refused, and for a record that holds none, the reason.
pub(super) fn read(input: &Input<'_>, journal_ms: i64) -> Vec<Result<Event, &'static str>> {
    let Some(record) = json::parse(input.value) else {
        return vec![Err("malformed_json")];
    };
    let Some(track) = record.get("track") else {
        return vec![Err("unknown_schema")];
    };
    let items = items(track);
    if items.is_empty() {
        return vec![Err("empty_envelope")];
    }
    if input.project.is_empty() {
        return vec![Err("project_missing")];
    }
    if !is_project(input.project) {
        return vec![Err("project_invalid")];
    }
    let mut lines = HashMap::new();
    items
        .into_iter()
        .map(|item| {
            let mut line = 0;
            if let Some(id) = item.value.get("eventId").and_then(Value::as_str) {
                let next = lines.entry(id).or_insert(0);
                line = *next;
                *next += 1;
            }
            read_item(&item, line, input, journal_ms)
        })
        .collect()
}

fn is_project(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    name.len() <= 64 && name.bytes().all(allowed)
}

/// A payload item, or what stands in its place.
struct Item<'a> {
    is_charge: bool,
    value: &'a Value,
}

/// All payload items of an envelope. What should be a list or an element and isn't stands for one
/// item, which is refused for not being an object.
fn items(track: &Value) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    let one = |is_charge, value| Item { is_charge, value };
    let Value::Array(elements) = track else {
        return vec![one(true, &Value::Null)];
    };
    for element in elements {
        if !element.is_object() {
            items.push(one(true, &Value::Null));
            continue;
        }
        let is_charge = element.get("name").and_then(Value::as_str) == Some("Charge");
        match element.get("payload") {
            None | Some(Value::Null) => {}
            Some(Value::Array(payload)) => {
                items.extend(payload.iter().map(|value| one(is_charge, value)));
            }
            Some(_) => items.push(one(is_charge, &Value::Null)),
        }
    }
    items
}

fn read_item(item: &Item<'_>, line: u64, input: &Input<'_>, journal_ms: i64) -> Result<Event, &'static str> {
    if !item.is_charge {
        return Err("unknown_event_name");
    }
    let Value::Object(fields) = item.value else {
        return Err("field_invalid");
    };
    let nothing = Map::new();
    let mut faults = Vec::new();
    let data = match fields.get("data") {
        Some(Value::Object(data)) => data,
        None | Some(Value::Null) => &nothing,
        Some(_) => {
            faults.push("field_invalid");
            &nothing
        }
    };
    if data.get("status").and_then(Value::as_str) != Some("succeeded") {
        faults.push("not_succeeded");
    }
    let event_id = required(fields, "eventId", "event_id_missing", &mut faults);
    let user = required(fields, "userId", "user_missing", &mut faults);
    let livemode = match data.get("livemode") {
        None | Some(Value::Null) => true,
        Some(Value::Bool(livemode)) => *livemode,
        Some(_) => {
            faults.push("field_invalid");
            true
        }
    };
    let description = match data.get("description") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(card::masked(text)),
        Some(_) => {
            faults.push("field_invalid");
            None
        }
    };
    let project = match livemode {
        true => input.project.to_owned(),
        false => format!("{}~test", input.project),
    };
    let processor = name(data, "provider", &mut faults);
    if processor.as_ref().is_some_and(|name| *name == project || *name == user) {
        faults.push("field_invalid");
    }
    let currency = required(data, "currency", "currency_missing", &mut faults).to_uppercase();
    let minor_digits = figures::minor_digits(&currency);
    if minor_digits.is_none() {
        faults.push("currency_unknown");
    }
    let mut figure = |name| figure(data, name, minor_digits, &mut faults);
    let (paid, refunded) = (figure("amount"), figure("amount_refunded"));
    let (fee_minor, fee_returned_minor) = (figure("fee"), figure("feeReturned"));
    let kind = match (paid, refunded) {
        (_, None) => Kind::Payment,
        (None, Some(_)) => Kind::Refund,
        (Some(_), Some(_)) => {
            faults.push("amount_ambiguous");
            Kind::Payment
        }
    };
    let amount_minor = paid.or(refunded).unwrap_or_else(|| {
        faults.push("amount_missing");
        0
    });
    if amount_minor <= 0 {
        faults.push("amount_not_positive");
    }
    if fee_minor.is_some_and(|fee| fee < 0) || fee_returned_minor.is_some_and(|fee| fee < 0) {
        faults.push("amount_out_of_range");
    }
    let occurred_at_ms = match data.get("occurredAt") {
        None | Some(Value::Null) => None,
        Some(at) => {
            let at_ms = at.as_str().and_then(time::parse_ms);
            let latest_ms = input.timestamp_ms.saturating_add(DAY_MS);
            if at_ms.is_none_or(|at_ms| at_ms > latest_ms) {
                faults.push("timestamp_invalid");
            }
            at_ms
        }
    };
    let content = Content {
        kind,
        user,
        amount_minor,
        currency,
        charge_id: name(data, "chargeId", &mut faults),
        order_id: name(data, "orderId", &mut faults),
        product_id: name(data, "productId", &mut faults),
        processor,
        fee_minor,
        fee_returned_minor,
        tier: name(data, "tier", &mut faults),
        occurred_at_ms,
        livemode,
        description,
    };
    if let Some(first) = REASONS.iter().find(|reason| faults.contains(reason)) {
        return Err(first);
    }
    let time_ms = occurred_at_ms.unwrap_or(input.timestamp_ms);
    let horizon_ms = journal_ms.saturating_sub(HORIZON_MS);
    if time_ms < input.timestamp_ms.saturating_sub(HORIZON_MS) || time_ms.min(input.timestamp_ms) < horizon_ms
    {
        return Err("beyond_horizon");
    }
    Ok(Event { project, event_id, line, time_ms, content })
}

/// A field that is an id or a name; an empty one counts as missing.
fn name(fields: &Map<String, Value>, field: &str, faults: &mut Vec<&'static str>) -> Option<String> {
    match fields.get(field) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.is_empty() => None,
        Some(Value::String(text)) if text.len() <= NAME_BYTES_MAX && !text.contains(char::is_control) => {
            Some(text.clone())
        }
        Some(_) => {
            faults.push("field_invalid");
            None
        }
    }
}

/// An id or name that must be there; what is there but no name is at fault for that alone.
fn required(
    fields: &Map<String, Value>,
    field: &str,
    missing: &'static str,
    faults: &mut Vec<&'static str>,
) -> String {
    let before = faults.len();
    let found = name(fields, field, faults);
    if found.is_none() && faults.len() == before {
        faults.push(missing);
    }
    found.unwrap_or_default()
}

/// A figure in minor units; one that is there but at fault counts as 1, so that it has no other
/// fault than its own.
fn figure(
    fields: &Map<String, Value>,
    field: &str,
    minor_digits: Option<u32>,
    faults: &mut Vec<&'static str>,
) -> Option<i128> {
    let value = fields.get(field).filter(|value| !value.is_null())?;
    let Some(decimal) = Decimal::read(value) else {
        faults.push("amount_malformed");
        return Some(1);
    };
    match minor_digits.map(|digits| decimal.to_minor(digits)) {
        Some(Ok(minor)) => Some(minor),
        Some(Err(reason)) => {
            faults.push(reason);
            Some(if decimal.negative { -1 } else { 1 })
        }
        // The currency is at fault already, which comes before any fault of a figure.
        None => Some(1),
    }
}
