//! What senders write: each record, and the events or reasons that it must become. Reasons by descending precedence.

use daybook_core::money::Currency;
use daybook_wire::input::{Context, decode};
use daybook_wire::output;
use proptest::prelude::*;
use proptest::sample::Index;

/// Items of a record as text: the canonical event, or the reason and path.
fn items(value: &[u8], default_currency: Option<&str>) -> Vec<String> {
    let default_currency = default_currency.map(|code| Currency::parse(code).unwrap());
    let text = |item: daybook_wire::input::Item| match item.event {
        Err(rejection) => rejection.to_string(),
        Ok(event) => {
            let mut out = String::new();
            output::canonical(&event, &mut out);
            out
        }
    };
    decode(value, Context { currency_of: Some(&|_| default_currency), own_letter: false })
        .into_iter()
        .map(text)
        .collect()
}

fn check(value: impl AsRef<[u8]>, expected: &[&str]) {
    let value = value.as_ref();
    assert_eq!(items(value, None), expected, "{}", String::from_utf8_lossy(value));
}

/// The record of one item.
fn envelope(item: &str) -> String {
    format!(r#"{{"track":[{{"name":"Charge","payload":[{item}]}}]}}"#)
}

/// A good payment but for these fields: text of a member, or `-name` for one that is left out.
fn item(changes: &[&str]) -> String {
    let name =
        |member: &str| member.trim_start_matches('-').split('"').find(|s| !s.is_empty()).unwrap().to_owned();
    let good = |members: &[&str], nested: bool| {
        let kept = members.iter().filter(|m| !changes.iter().any(|c| name(c) == name(m)));
        let top = |m: &str| matches!(name(m).as_str(), "eventId" | "userId" | "data");
        let changed = changes.iter().filter(|c| !c.starts_with('-') && top(c) != nested);
        kept.chain(changed).copied().collect::<Vec<_>>().join(",")
    };
    let data = good(&[r#""amount":10.50"#, r#""currency":"USD""#, r#""status":"succeeded""#], true);
    let outer = good(&[r#""eventId":"e1""#, r#""userId":"u1""#], false);
    if changes.iter().any(|c| name(c) == "data") {
        format!("{{{outer}}}")
    } else {
        format!(r#"{{"data":{{{data}}}{}{outer}}}"#, if outer.is_empty() { "" } else { "," })
    }
}

fn refused(changes: &[&str], expected: &str) {
    let value = envelope(&item(changes));
    let (reason, field) = expected.split_once(" at ").unwrap();
    check(&value, &[&format!("{reason} at track[0].payload[0].{field}")]);
}

fn accepted(changes: &[&str], expected: &str) {
    check(envelope(&item(changes)), &[expected]);
}

#[test]
fn seed_000_the_literal_payloads() {
    let payment = r#"{
  "track": [
    {
      "name": "Charge",
      "payload": [
        {
          "eventId": "uuid-generated-event-id",
          "userId": "user@example.com",
          "data": {
            "amount": 271.28,
            "status": "succeeded"
          }
        }
      ]
    }
  ]
}"#;
    let refund = payment.replace(r#""amount": 271.28"#, r#""amount_refunded": 11.0"#);
    let event = |what| format!(r#"{{{what},"livemode":true,"userId":"user@example.com"}}"#);
    let paid =
        event(r#""amount":"271.28","eventId":"uuid-generated-event-id","eventLine":0,"kind":"payment""#);
    let refunded =
        event(r#""amount":"11","eventId":"uuid-generated-event-id","eventLine":0,"kind":"refund""#);
    // They name no currency. Whether the project's settings do is for the projector to know.
    check(payment, &[&paid]);
    check(&refund, &[&refunded]);
    assert_eq!(items(payment.as_bytes(), Some("USD")), [paid]);
    assert_eq!(items(refund.as_bytes(), Some("USD")), [refunded]);
}

#[test]
fn every_field_of_a_track_event() {
    accepted(
        &[
            r#""currency":"kwd""#,
            r#""chargeId":"ch_1""#,
            r#""orderId":"o 1""#,
            r#""productId":"p17""#,
            r#""provider":"stripe""#,
            r#""fee":"0.320""#,
            r#""feeReturned":0"#,
            r#""tier":"gold""#,
            r#""occurredAt":"2026-01-20T23:12:34.5678+01:00""#,
            r#""livemode":false"#,
            r#""description":"two\nlines""#,
            r#""unknown":[{"deep":null}]"#,
        ],
        concat!(
            r#"{"amount":"10.5","chargeId":"ch_1","currency":"KWD","description":"two\nlines","eventId":"e1","#,
            r#""eventLine":0,"fee":"0.32","feeReturned":"0","kind":"payment","livemode":false,"#,
            r#""occurredAt":"2026-01-20T22:12:34.567Z","orderId":"o 1","productId":"p17","provider":"stripe","#,
            r#""tier":"gold","userId":"u1"}"#,
        ),
    );
}

#[test]
fn null_and_empty_fields_are_absent() {
    accepted(
        &[
            r#""chargeId":null"#,
            r#""orderId":"""#,
            r#""fee":null"#,
            r#""occurredAt":null"#,
            r#""description":"""#,
        ],
        r#"{"amount":"10.5","currency":"USD","eventId":"e1","eventLine":0,"kind":"payment","livemode":true,"userId":"u1"}"#,
    );
}

#[test]
fn malformed_json() {
    for value in [
        "",
        " ",
        "amount=10.50&currency=USD",
        "{",
        r#"{"track":[],}"#,
        r#"{"track":[]} {"track":[]}"#,
        r#"{"track":[]}x"#,
        r#"{'track':[]}"#,
        "\u{feff}{\"track\":[]}",
        r#"{"track":[],"track":[]}"#,
        r#"{"track":[],"tr\u0061ck":[]}"#,
        r#"{"track":[],"x":{"a":1,"b":{"c":[{"d":1,"d":1}]}}}"#,
        "{\"track\":[],\"x\":\"\0\"}",
        r#"{"track":[],"x":"\u0000"}"#,
        r#"{"track":[],"\u0000":1}"#,
        r#"{"track":[],"x":"\ud800"}"#,
        r#"{"track":[],"x":"\x"}"#,
        "{\"track\":[],\"x\":\"a\nb\"}",
        r#"{"track":[],"x":NaN}"#,
        r#"{"track":[],"x":Infinity}"#,
        r#"{"track":[],"x":-Infinity}"#,
        r#"{"track":[],"x":-NaN}"#,
        r#"{"track":[],"x":01}"#,
        r#"{"track":[],"x":+1}"#,
        r#"{"track":[],"x":.5}"#,
        r#"{"track":[],"x":1.}"#,
        r#"{"track":[],"x":1e}"#,
        r#"{"track":[],"x":-}"#,
        r#"{"track":[],"x":0x10}"#,
        r#"{"track":[],"x":nul}"#,
        r#"{"track":[] /* no comments */}"#,
    ] {
        check(value, &["malformed_json"]);
    }
    check(b"{\"track\":[],\"x\":\"\xff\"}", &["malformed_json"]);
    check(b"{\"track\":[],\"x\":\"\xed\xa0\x80\"}", &["malformed_json"]);
    let many: Vec<String> = (0..100).map(|i| format!("\"k{}\":0", i % 99)).collect();
    check(format!("{{\"track\":[],{}}}", many.join(",")), &["malformed_json"]);
}

#[test]
fn malformed_json_nesting() {
    let nested =
        |levels: usize| format!("{{\"track\":[],\"x\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    check(nested(64), &["empty_envelope at track"]);
    check(nested(65), &["malformed_json"]);
    check("[".repeat(1_000_000), &["malformed_json"]);
    check(r#"{"a":"#.repeat(1_000_000), &["malformed_json"]);
}

#[test]
fn unknown_schema() {
    for value in
        ["{}", "[]", "null", "5", r#""Charge""#, r#"{"tracks":[]}"#, r#"{"Track":[]}"#, r#"{"track":null}"#]
    {
        check(value, &["unknown_schema"]);
    }
}

#[test]
fn empty_envelope() {
    for value in [
        r#"{"track":[]}"#,
        r#"{"track":[{"name":"Charge","payload":[]}]}"#,
        r#"{"track":[{"name":"Charge"}]}"#,
        r#"{"track":[{"name":"Purchase","payload":null}]}"#,
    ] {
        check(value, &["empty_envelope at track"]);
    }
}

#[test]
fn unknown_event_name() {
    for name in ["Purchase", "Refund", "OrderCompleted", "charge", "Charge ", ""] {
        let value = envelope("{},{}").replace("Charge", name);
        check(value, &["unknown_event_name at track[0].name", "unknown_event_name at track[0].name"]);
    }
    for element in
        [r#"{"payload":[5]}"#, r#"{"name":5,"payload":[5]}"#, r#"{"name":"Refund","payload":5}"#, "5"]
    {
        check(format!(r#"{{"track":[{element}]}}"#), &["unknown_event_name at track[0].name"]);
    }
}

#[test]
fn not_succeeded() {
    for status in [
        "-\"status\"",
        r#""status":null"#,
        r#""status":"failed""#,
        r#""status":"Succeeded""#,
        r#""status":5"#,
    ] {
        refused(&[status], "not_succeeded at data.status");
    }
    refused(&["-\"data\""], "not_succeeded at data.status");
    refused(&[r#""data":5"#], "not_succeeded at data.status");
    refused(&[r#""status":"pending""#, "-\"eventId\"", r#""amount":"x""#], "not_succeeded at data.status");
}

#[test]
fn event_id_missing() {
    for id in ["-\"eventId\"", r#""eventId":null"#, r#""eventId":"""#] {
        refused(&[id], "event_id_missing at eventId");
        refused(&[id, "-\"userId\"", r#""tier":3"#], "event_id_missing at eventId");
    }
}

#[test]
fn user_missing() {
    for id in ["-\"userId\"", r#""userId":null"#, r#""userId":"""#] {
        refused(&[id], "user_missing at userId");
        refused(&[id, r#""tier":3"#, r#""currency":"XYZ""#], "user_missing at userId");
    }
}

#[test]
fn field_invalid() {
    check(r#"{"track":5}"#, &["field_invalid at track"]);
    check(r#"{"track":{"name":"Charge","payload":[]}}"#, &["field_invalid at track"]);
    check(r#"{"track":[{"name":"Charge","payload":{}}]}"#, &["field_invalid at track[0].payload"]);
    check(envelope("5"), &["field_invalid at track[0].payload[0]"]);
    check(
        envelope("null,[]"),
        &["field_invalid at track[0].payload[0]", "field_invalid at track[0].payload[1]"],
    );
    refused(&[r#""eventId":12345"#], "field_invalid at eventId");
    refused(&[r#""userId":"a\u0007b""#], "field_invalid at userId");
    refused(&[r#""userId":"a\u0085b""#], "field_invalid at userId");
    refused(&[r#""livemode":"yes""#], "field_invalid at data.livemode");
    refused(&[r#""description":{}"#], "field_invalid at data.description");
    for field in ["chargeId", "orderId", "productId", "provider", "tier"] {
        refused(&[&format!("\"{field}\":3")], &format!("field_invalid at data.{field}"));
        refused(&[&format!("\"{field}\":\"a\\nb\"")], &format!("field_invalid at data.{field}"));
        refused(
            &[&format!("\"{field}\":\"{}\"", "c".repeat(257))],
            &format!("field_invalid at data.{field}"),
        );
    }
    refused(&[r#""currency":5"#, r#""amount":"x""#], "field_invalid at data.currency");
    // 2: a processor like the customer. Like the provider: the projector's to tell.
    refused(&[r#""provider":"u1""#, r#""amount":-1"#], "field_invalid at data.provider");
    let longest = "é".repeat(128);
    accepted(
        &[&format!("\"chargeId\":\"{longest}\"")],
        &format!(
            r#"{{"amount":"10.5","chargeId":"{longest}","currency":"USD","eventId":"e1","eventLine":0,"kind":"payment","livemode":true,"userId":"u1"}}"#
        ),
    );
}

#[test]
fn currency_missing_is_said_here_only_of_what_is_refused_anyway() {
    refused(&["-\"currency\"", r#""amount":"x""#], "currency_missing at data.currency");
    refused(&["-\"currency\"", r#""occurredAt":5"#], "currency_missing at data.currency");
    let value = envelope(&item(&["-\"currency\"", r#""amount":"x""#]));
    assert_eq!(items(value.as_bytes(), Some("USD")), ["amount_malformed at track[0].payload[0].data.amount"]);
}

#[test]
fn currency_unknown() {
    for code in ["XYZ", "US", "USDT", "U D", "€", "XAU", "XXX"] {
        refused(&[&format!("\"currency\":\"{code}\"")], "currency_unknown at data.currency");
        refused(&[&format!("\"currency\":\"{code}\""), "-\"amount\""], "currency_unknown at data.currency");
    }
}

#[test]
fn amount_missing() {
    refused(&["-\"amount\""], "amount_missing at data.amount");
    refused(&[r#""amount":null"#, r#""fee":"x""#], "amount_missing at data.amount");
}

#[test]
fn amount_ambiguous() {
    refused(&[r#""amount_refunded":5"#], "amount_ambiguous at data.amount");
    refused(&[r#""amount_refunded":5"#, r#""amount":"x""#], "amount_ambiguous at data.amount");
    accepted(
        &[r#""amount_refunded":5"#, r#""amount":null"#],
        r#"{"amount":"5","currency":"USD","eventId":"e1","eventLine":0,"kind":"refund","livemode":true,"userId":"u1"}"#,
    );
}

#[test]
fn amount_malformed() {
    for amount in [r#""""#, r#""12,50""#, r#""NaN""#, r#""$5""#, r#"" 5""#, r#""1e""#, "true", "[]", "{}"] {
        refused(&[&format!("\"amount\":{amount}")], "amount_malformed at data.amount");
        refused(
            &["-\"amount\"", &format!("\"amount_refunded\":{amount}")],
            "amount_malformed at data.amount_refunded",
        );
        refused(&[&format!("\"fee\":{amount}"), r#""amount":0"#], "amount_malformed at data.fee");
    }
    refused(&[r#""feeReturned":"1.2.3""#], "amount_malformed at data.feeReturned");
}

#[test]
fn amount_not_positive() {
    for amount in ["0", "0.00", "-0", "-0.0", "0e5", "-5", r#""-5""#, "-0.001", "-1e400", "-9999999999999999"]
    {
        refused(&[&format!("\"amount\":{amount}")], "amount_not_positive at data.amount");
    }
    refused(&["-\"amount\"", r#""amount_refunded":0"#], "amount_not_positive at data.amount_refunded");
}

#[test]
fn excess_precision() {
    for (currency, amount) in [("USD", "19.999"), ("USD", "1e-3"), ("JPY", "500.5"), ("KWD", "1.0001")] {
        refused(
            &[&format!("\"currency\":\"{currency}\""), &format!("\"amount\":{amount}")],
            "excess_precision at data.amount",
        );
    }
    refused(&[r#""fee":0.0305"#], "excess_precision at data.fee");
    refused(&[r#""fee":0.0305"#, r#""amount":1e400"#], "excess_precision at data.fee");
}

#[test]
fn amount_out_of_range() {
    for amount in [
        "1e400",
        "1e15",
        "10000000000000",
        "9999999999999999",
        r#""1e21""#,
        "1e-21",
        "1E+99999999999999999999",
    ] {
        refused(&[&format!("\"amount\":{amount}")], "amount_out_of_range at data.amount");
    }
    refused(&[r#""fee":-1"#], "amount_out_of_range at data.fee");
    refused(&[r#""feeReturned":-0.01"#], "amount_out_of_range at data.feeReturned");
    // So large that no currency is needed to refuse it.
    refused(&[r#""amount":1e16"#, "-\"currency\""], "currency_missing at data.currency");
}

#[test]
fn timestamp_invalid() {
    for time in [
        "1767225600",
        "1767225600000",
        "true",
        r#""1767225600""#,
        r#""""#,
        r#""yesterday""#,
        r#""2026-01-01""#,
        r#""2026-01-01T00:00Z""#,
        r#""2026-01-01T00:00:00""#,
        r#""2026-01-01T00:00:00.Z""#,
        r#""2026-01-01T00:00:00+0200""#,
        r#""2026-01-01T00:00:00+02:00[Europe/Paris]""#,
        r#""2026-02-29T00:00:00Z""#,
        r#""2026-01-01T24:00:00Z""#,
        r#""2026-13-01T00:00:00Z""#,
        r#""0000-01-01T00:00:00Z""#,
        r#""9999-01-01T00:00:00Z""#,
        r#""2026-01-01T00:00:00Z ""#,
        r#""２026-01-01T00:00:00Z""#,
    ] {
        refused(&[&format!("\"occurredAt\":{time}")], "timestamp_invalid at data.occurredAt");
    }
}

#[test]
fn times() {
    for (time, expected) in [
        ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59.000Z"),
        ("2026-01-01t00:00:00z", "2026-01-01T00:00:00.000Z"),
        ("2026-01-01T00:00:00.9999999999999Z", "2026-01-01T00:00:00.999Z"),
        ("2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00.000Z"),
        ("2026-01-01T00:00:00-00:00", "2026-01-01T00:00:00.000Z"),
        ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
        ("0001-01-02T00:00:00Z", "0001-01-02T00:00:00.000Z"),
    ] {
        accepted(
            &[&format!("\"occurredAt\":\"{time}\"")],
            &format!(
                r#"{{"amount":"10.5","currency":"USD","eventId":"e1","eventLine":0,"kind":"payment","livemode":true,"occurredAt":"{expected}","userId":"u1"}}"#
            ),
        );
    }
}

#[test]
fn numbers_are_decimal_text_in_numbers_and_strings() {
    for (amount, expected) in [
        ("271.28", "271.28"),
        ("11.0", "11"),
        (r#""119.50""#, "119.5"),
        ("1195e-1", "119.5"),
        (r#""1.195E2""#, "119.5"),
        ("0.1", "0.1"),
        ("500.00000000000000000000000000000000000", "500"),
        ("9999999999999.99", "9999999999999.99"),
        ("4503599627370.49", "4503599627370.49"),
    ] {
        accepted(
            &[&format!("\"amount\":{amount}")],
            &format!(
                r#"{{"amount":"{expected}","currency":"USD","eventId":"e1","eventLine":0,"kind":"payment","livemode":true,"userId":"u1"}}"#
            ),
        );
    }
}

#[test]
fn rule_5_1_items_that_share_an_event_id_are_lines_refused_ones_included() {
    let event = |id: &str, line: u32| {
        format!(
            r#"{{"amount":"10.5","currency":"USD","eventId":"{id}","eventLine":{line},"kind":"payment","livemode":true,"userId":"u1"}}"#
        )
    };
    let a = item(&[r#""eventId":"a""#]);
    let b = item(&[r#""eventId":"b""#]);
    let bad = item(&[r#""eventId":"a""#, "-\"userId\""]);
    let value = format!(
        r#"{{"track":[{{"name":"Charge","payload":[{a},{b},{bad}]}},{{"name":"Refund","payload":[{a}]}},{{"name":"Charge","payload":[{a},{b}]}}]}}"#
    );
    check(
        value,
        &[
            &event("a", 0),
            &event("b", 0),
            "user_missing at track[0].payload[2].userId",
            "unknown_event_name at track[1].name",
            &event("a", 3),
            &event("b", 1),
        ],
    );
}

#[test]
fn card_numbers_are_masked() {
    for (text, masked) in [
        ("card 4242424242424242 ok", "card ************4242 ok"),
        ("4242-4242-4242-4242", "****-****-****-4242"),
        ("4111 1111 1111 1111 and 378282246310005", "**** **** **** 1111 and ***********0005"),
    ] {
        accepted(
            &[&format!("\"description\":\"{text}\"")],
            &format!(
                r#"{{"amount":"10.5","cardNumberMasked":true,"currency":"USD","description":"{masked}","eventId":"e1","eventLine":0,"kind":"payment","livemode":true,"userId":"u1"}}"#
            ),
        );
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,100}") {
        prop_assert!(!decode(&bytes, Context::default()).is_empty());
        prop_assert!(!decode(text.as_bytes(), Context::default()).is_empty());
    }

    #[test]
    fn no_mutation_of_an_envelope_panics(
        cuts in prop::collection::vec((any::<Index>(), prop::option::of(any::<u8>())), 0..5),
        spliced in prop::sample::select(vec!["null", "-0", "1e400", "\"\"", "[]", "{}", "\\u0000", "\"a\":", "\u{7f}"]),
        at in any::<Index>(),
    ) {
        let good = item(&[r#""fee":"0.3""#, r#""description":"4242424242424242""#, r#""occurredAt":"2026-01-01T00:00:00Z""#]);
        let mut value = envelope(&format!("{good},{good}")).into_bytes();
        for (at, with) in cuts {
            let at = at.index(value.len());
            match with {
                Some(byte) => value[at] = byte,
                None => {
                    value.remove(at);
                }
            }
        }
        let at = at.index(value.len());
        value.splice(at..at, spliced.bytes());
        for item in decode(&value, Context { currency_of: Some(&|_| Currency::parse("USD")), own_letter: false }) {
            // A reason never quotes the payload, only where it is.
            if let Err(rejection) = item.event {
                prop_assert!(rejection.path.len() < 60, "{}", rejection);
            }
        }
    }
}
