//! What is wrong with bad records.
//!
//! Each fault makes a good envelope of payments into one of which something must be
//! dead-lettered, with a reason that is certain whatever else the envelope holds.

use crate::draw::Draws;

/// A fault with the reason code that it must be given.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: &'static str,
    edit: Edit,
}

/// How a fault is brought about.
#[derive(Debug, PartialEq, Eq)]
enum Edit {
    /// The record has this value instead.
    Value(&'static str),
    /// The record breaks off in the middle.
    BreakOff,
    /// In the record's value the first of these texts is replaced by the other.
    Replace(&'static str, &'static [u8]),
    /// Fields of one payload item have this JSON text, or are left out.
    Fields(&'static [(&'static str, Option<&'static str>)]),
    /// A payload item's reference to its charge has 257 bytes.
    LongChargeId,
    /// A payload item names the provider as its processor.
    ProcessorIsProvider,
}

use Edit::{BreakOff, Fields, LongChargeId, ProcessorIsProvider, Replace, Value};

const fn fault(reason: &'static str, edit: Edit) -> Fault {
    Fault { reason, edit }
}

pub(crate) static FAULTS: &[Fault] = &[
    fault("malformed_json", Value("")),
    fault("malformed_json", Value("amount=10.50&currency=USD")),
    fault("malformed_json", Value(r#"{"track":[],}"#)),
    fault("malformed_json", Value(r#"{"track":[]} {"track":[]}"#)),
    fault("malformed_json", BreakOff),
    fault("malformed_json", Replace(r#""amount":"#, br#""amount":NaN,"was":"#)),
    fault("malformed_json", Replace(r#""eventId":"#, br#""eventId":"evt_1","eventId":"#)),
    fault("malformed_json", Replace(r#""userId":""#, b"\"userId\":\"\xff")),
    fault("malformed_json", Replace(r#""userId":""#, b"\"userId\":\"\0")),
    fault("unknown_schema", Value("{}")),
    fault("unknown_schema", Value("[]")),
    fault("unknown_schema", Value(r#""Charge""#)),
    fault("unknown_schema", Replace(r#""track":"#, br#""tracks":"#)),
    fault("empty_envelope", Value(r#"{"track":[]}"#)),
    fault("empty_envelope", Value(r#"{"track":[{"name":"Charge","payload":[]}]}"#)),
    fault("unknown_event_name", Replace(r#""Charge""#, b"\"Purchase\"")),
    fault("unknown_event_name", Replace(r#""Charge""#, b"\"Refund\"")),
    fault("unknown_event_name", Replace(r#""Charge""#, b"\"OrderCompleted\"")),
    fault("unknown_event_name", Replace(r#""Charge""#, b"\"charge\"")),
    fault("not_succeeded", Fields(&[("status", Some("\"failed\""))])),
    fault("not_succeeded", Fields(&[("status", Some("\"pending\""))])),
    fault("not_succeeded", Fields(&[("status", None)])),
    fault("event_id_missing", Fields(&[("eventId", None)])),
    fault("event_id_missing", Fields(&[("eventId", Some("\"\""))])),
    fault("user_missing", Fields(&[("userId", None)])),
    fault("user_missing", Fields(&[("userId", Some("\"\""))])),
    fault("field_invalid", Fields(&[("eventId", Some("12345"))])),
    fault("field_invalid", Fields(&[("userId", Some(r#""a\u0007b""#))])),
    fault("field_invalid", Fields(&[("livemode", Some("\"yes\""))])),
    fault("field_invalid", Fields(&[("tier", Some("3"))])),
    fault("field_invalid", LongChargeId),
    fault("field_invalid", ProcessorIsProvider),
    fault("field_invalid", Value(r#"{"track":{"name":"Charge","payload":[]}}"#)),
    fault("field_invalid", Value(r#"{"track":[{"name":"Charge","payload":{"eventId":"evt_1"}}]}"#)),
    fault("currency_missing", Fields(&[("currency", None)])),
    fault("currency_unknown", Fields(&[("currency", Some("\"XYZ\""))])),
    fault("currency_unknown", Fields(&[("currency", Some("\"abc\""))])),
    fault("amount_missing", Fields(&[("amount", None)])),
    fault("amount_ambiguous", Fields(&[("amount_refunded", Some("100"))])),
    fault("amount_malformed", Fields(&[("amount", Some("\"12,50\""))])),
    fault("amount_malformed", Fields(&[("amount", Some("\"NaN\""))])),
    fault("amount_malformed", Fields(&[("amount", Some("\"$5\""))])),
    fault("amount_malformed", Fields(&[("amount", Some("true"))])),
    fault("amount_malformed", Fields(&[("fee", Some("\"1.2.3\""))])),
    fault("amount_not_positive", Fields(&[("amount", Some("0"))])),
    fault("amount_not_positive", Fields(&[("amount", Some("\"0.00\""))])),
    fault("amount_not_positive", Fields(&[("amount", Some("-5"))])),
    fault("excess_precision", Fields(&[("currency", Some("\"USD\"")), ("amount", Some("19.999"))])),
    fault("excess_precision", Fields(&[("currency", Some("\"JPY\"")), ("amount", Some("500.5"))])),
    fault("excess_precision", Fields(&[("currency", Some("\"KWD\"")), ("amount", Some("\"1.0001\""))])),
    fault("excess_precision", Fields(&[("fee", Some("0.0305"))])),
    fault("amount_out_of_range", Fields(&[("amount", Some("1e400"))])),
    fault("amount_out_of_range", Fields(&[("amount", Some("1e15"))])),
    fault("amount_out_of_range", Fields(&[("amount", Some("9999999999999999"))])),
    fault("amount_out_of_range", Fields(&[("fee", Some("-1"))])),
    fault("timestamp_invalid", Fields(&[("occurredAt", Some("1767225600"))])),
    fault("timestamp_invalid", Fields(&[("occurredAt", Some("\"yesterday\""))])),
    fault("timestamp_invalid", Fields(&[("occurredAt", Some("\"2026-01-01\""))])),
    fault("timestamp_invalid", Fields(&[("occurredAt", Some("\"2026-01-01T00:00:00\""))])),
    fault("timestamp_invalid", Fields(&[("occurredAt", Some("\"2026-02-30T00:00:00Z\""))])),
    fault("timestamp_invalid", Fields(&[("occurredAt", Some("\"9001-01-01T00:00:00Z\""))])),
    fault("beyond_horizon", Fields(&[("occurredAt", Some("\"1970-01-01T00:00:00Z\""))])),
];

impl Fault {
    pub(crate) fn any(draws: &mut Draws) -> &'static Self {
        let all = u64::try_from(FAULTS.len()).unwrap_or(u64::MAX);
        let at = usize::try_from(draws.below(all)).unwrap_or(0);
        &FAULTS[at]
    }

    /// Brings about the fault in the text of the payload item that is to have it.
    pub(crate) fn edit_event(&self, event: &mut String, project: &str) {
        match &self.edit {
            Value(_) | BreakOff | Replace(..) => {}
            Fields(fields) => {
                for (name, text) in *fields {
                    set(event, name, *text);
                }
            }
            LongChargeId => set(event, "chargeId", Some(&format!("\"{}\"", "c".repeat(257)))),
            ProcessorIsProvider => {
                // A test payment's provider is that of the project's test books.
                set(event, "livemode", Some("true"));
                set(event, "provider", Some(&format!("\"{project}\"")));
            }
        }
    }

    /// Brings about the fault in a record's whole value.
    pub(crate) fn edit_value(&self, value: &mut Vec<u8>) {
        match &self.edit {
            Fields(_) | LongChargeId | ProcessorIsProvider => {}
            Value(text) => *value = text.as_bytes().to_vec(),
            BreakOff => value.truncate(value.len() / 2),
            Replace(from, to) => {
                let width = from.len();
                let found = value.windows(width).position(|at| at == from.as_bytes());
                if let Some(start) = found {
                    value.splice(start..start + width, to.iter().copied());
                }
            }
        }
    }
}

/// Gives a field of a payload item another JSON text, or takes it out. The item is one line
/// without a description, so that its strings hold neither commas nor braces.
fn set(event: &mut String, name: &str, text: Option<&str>) {
    let key = format!("\"{name}\":");
    if let Some(start) = event.find(&key) {
        let rest = &event[start..];
        let length = rest.find([',', '}']).unwrap_or(rest.len());
        event.replace_range(start..start + length, "");
        // The comma that stood after the field or, at the end of an object, before it.
        if event[start..].starts_with(',') {
            event.replace_range(start..=start, "");
        } else if event[..start].ends_with(',') {
            event.replace_range(start - 1..start, "");
        }
    }
    if let Some(text) = text {
        let object = match name {
            "eventId" | "userId" => "{",
            _ => "\"data\":{",
        };
        let start = event.find(object).map_or(0, |at| at + object.len());
        event.insert_str(start, &format!("{key}{text},"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_replaced_added_or_left_out() {
        let item = r#"{"eventId":"e","userId":"u","data":{"amount":1.50,"tier":"gold"}}"#;
        for (name, text, expected) in [
            ("amount", Some("0"), r#"{"eventId":"e","userId":"u","data":{"amount":0,"tier":"gold"}}"#),
            ("tier", None, r#"{"eventId":"e","userId":"u","data":{"amount":1.50}}"#),
            (
                "fee",
                Some("-1"),
                r#"{"eventId":"e","userId":"u","data":{"fee":-1,"amount":1.50,"tier":"gold"}}"#,
            ),
            ("eventId", None, r#"{"userId":"u","data":{"amount":1.50,"tier":"gold"}}"#),
            ("userId", Some("\"\""), r#"{"userId":"","eventId":"e","data":{"amount":1.50,"tier":"gold"}}"#),
        ] {
            let mut event = item.to_owned();
            set(&mut event, name, text);
            assert_eq!(event, expected);
        }
    }

    #[test]
    fn a_fault_changes_the_record() {
        let good = r#"{"track":[{"name":"Charge","payload":[{"eventId":"e","userId":"u","data":{"amount":1.50,"status":"succeeded","currency":"USD"}}]}]}"#;
        for fault in FAULTS {
            let mut event = good.to_owned();
            fault.edit_event(&mut event, "acme");
            let mut value = event.into_bytes();
            fault.edit_value(&mut value);
            assert_ne!(value, good.as_bytes(), "{fault:?}");
        }
    }
}
