//! What intake makes of records: project, books, stamps, and the refusals that belong to it rather than to a format.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use daybook_core::event::{Body, SourcePosition};
use daybook_stream::decoder::{Decoder, IntakeSettings, PROJECT_HEADER, RECORD_ITEMS_MAX};
use daybook_stream::record::Record;

const PAYMENT: &str =
    r#"{"eventId":"e1","userId":"u","data":{"amount":1,"currency":"USD","status":"succeeded"}}"#;

fn envelope(items: &[&str]) -> String {
    format!(r#"{{"track":[{{"name":"Charge","payload":[{}]}}]}}"#, items.join(","))
}

fn position() -> SourcePosition {
    SourcePosition { topic: "charges".into(), partition: 3, offset: 7, item: 0 }
}

/// Decodes a record and shows what came of each item: `PROJECT` of its journal record, or `reason at path`.
fn check(default_project: Option<&str>, header: Option<&str>, value: &str, expected: &[&str]) {
    let settings =
        IntakeSettings { record_bytes_max: 4_096, default_project: default_project.map(str::to_owned) };
    let headers = header.map(|h| (PROJECT_HEADER.to_owned(), h.into())).into_iter().collect();
    let record = Record { value: value.into(), headers, timestamp_ms: Some(5), ..Record::default() };
    let taken = Decoder::new(settings).charges(&record, &position(), |_| Some(9));
    let journalled = taken.journal.iter().map(|r| {
        assert_eq!((r.recorded_at_ms, r.source_timestamp_ms), (9, Some(5)));
        (r.source.as_ref().unwrap().item, r.project.to_string())
    });
    let refused = taken.refused.iter().map(|(rejection, _, item)| (*item, rejection.to_string()));
    let mut shown: Vec<(u32, String)> = journalled.chain(refused).collect();
    shown.sort();
    assert_eq!(shown.into_iter().map(|(_, s)| s).collect::<Vec<_>>(), expected, "{value:.80}");
}

#[test]
fn the_project_comes_from_the_header_else_the_value_else_the_default() {
    let one = envelope(&[PAYMENT]);
    let named = one.replacen('{', r#"{"project_id":"of-value","#, 1);
    check(Some("of-default"), Some("of-header"), &named, &["of-header"]);
    check(Some("of-default"), None, &named, &["of-value"]);
    check(Some("of-default"), None, &one, &["of-default"]);
    check(None, None, &one, &["project_missing"]);
    for bad in ["", "a b", "a/b", "a~test", &"x".repeat(65)] {
        check(None, Some(bad), &one, &["project_invalid"]);
    }
    // In the value an empty one counts as missing, and what is no text is no name.
    let valued = |project: &str| one.replacen('{', &format!(r#"{{"project_id":{project},"#), 1);
    check(Some("of-default"), None, &valued("\"\""), &["of-default"]);
    check(None, None, &valued("\"\""), &["project_missing"]);
    check(Some("of-default"), None, &valued("5"), &["project_invalid"]);
    check(Some("of-default"), None, &valued("\"a b\""), &["project_invalid"]);
    // Only what comes before it in the order of reasons is reported instead.
    check(None, None, "{", &["malformed_json"]);
    check(None, None, r#"{"track":[]}"#, &["empty_envelope at track"]);
    check(None, None, &one.replace("Charge", "Purchase"), &["project_missing"]);
}

/// Which of several reasons comes first depends on the currency of the project that the record is of, not of another.
#[test]
fn the_first_reason_is_that_under_the_settings_of_the_record_s_own_project() {
    let mut decoder =
        Decoder::new(IntakeSettings { default_project: Some("yen".into()), ..IntakeSettings::default() });
    for (project, currency) in [("yen", "JPY"), ("dinar", "KWD")] {
        let value = format!(r#"{{"currency":"{currency}"}}"#).into();
        let record = Record { key: project.into(), value, ..Record::default() };
        assert!(decoder.settings(&record, &position(), 0).refused.is_empty());
    }
    for (project, reason) in
        [("dinar", "timestamp_invalid at occurredAt"), ("yen", "excess_precision at amount")]
    {
        let value = format!(
            r#"{{"kind":"payment","eventId":"1","userId":"u","amount":"1.234","occurredAt":"nope","project_id":"{project}"}}"#
        );
        let record = Record { value: value.into(), ..Record::default() };
        let refused = decoder.charges(&record, &position(), |_| Some(9)).refused;
        assert_eq!(refused[0].0.to_string(), reason, "{project}");
    }
}

#[test]
fn settings_whose_processor_is_the_project_are_refused() {
    let record = Record { key: "acme".into(), value: r#"{"processor":"acme"}"#.into(), ..Record::default() };
    let refused = Decoder::default().settings(&record, &position(), 0).refused;
    assert_eq!(refused[0].0.to_string(), "settings_invalid at processor");
}

/// Only this product's own letters may say what no sender may.
#[test]
fn a_header_that_says_no_letter_makes_none() {
    let value =
        r#"{"kind":"payment","eventId":"1","eventLine":7,"userId":"u","amount":"1","currency":"USD"}"#;
    for (said, expected) in [("true", None), ("false", Some("timestamp_missing at occurredAt"))] {
        let headers =
            vec![("daybook-canonical".to_owned(), said.into()), (PROJECT_HEADER.to_owned(), "acme".into())];
        let record = Record { value: value.into(), headers, timestamp_ms: Some(5), ..Record::default() };
        let taken = Decoder::default().charges(&record, &position(), |_| Some(9));
        assert_eq!(taken.refused.first().map(|r| r.0.to_string()).as_deref(), expected);
    }
}

#[test]
fn rule_1_6_a_test_event_goes_to_the_test_books() {
    let test = PAYMENT.replace(r#""amount":1"#, r#""amount":1,"livemode":false"#);
    check(None, Some("acme"), &envelope(&[PAYMENT, &test]), &["acme", "acme~test"]);
}

#[test]
fn payload_too_large() {
    let long = PAYMENT.replace("\"u\"", &format!("\"{}\"", "u".repeat(4_096)));
    check(None, Some("acme"), &envelope(&[&long]), &["payload_too_large"]);
    // Within the bytes, but more items than a record may hold: one dead letter, not one each.
    let many = envelope(&vec!["{}"; RECORD_ITEMS_MAX + 1]);
    check(None, Some("acme"), &many, &["payload_too_large"]);
}

#[test]
fn each_item_is_accepted_or_refused_alone() {
    let both = PAYMENT.replace(r#""amount":1"#, r#""amount":1,"amount_refunded":1"#);
    check(
        None,
        Some("acme"),
        &envelope(&[PAYMENT, &both, PAYMENT]),
        &["acme", "amount_ambiguous at track[0].payload[1].data.amount", "acme"],
    );
}

#[test]
fn rule_5_1_items_that_share_an_id_are_lines() {
    let record = Record { value: envelope(&[PAYMENT, PAYMENT]).into(), ..Record::default() };
    let settings = IntakeSettings { default_project: Some("acme".to_owned()), ..IntakeSettings::default() };
    let taken = Decoder::new(settings).charges(&record, &position(), |_| Some(0));
    let lines = taken.journal.iter().map(|r| match &r.body {
        Body::Charge(event) => event.identity.line,
        other => panic!("{other:?}"),
    });
    assert_eq!(lines.collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn settings_are_journalled_for_the_project_and_its_test_stream() {
    let check = |key: &str, value: &str, expected: &[&str]| {
        let record = Record { key: key.into(), value: value.into(), ..Record::default() };
        let taken = Decoder::default().settings(&record, &position(), 1);
        let projects = taken.journal.iter().map(|r| r.project.to_string());
        let refused = taken.refused.iter().map(|(rejection, ..)| rejection.to_string());
        assert_eq!(projects.chain(refused).collect::<Vec<_>>(), expected);
    };
    check("acme", r#"{"currency":"USD"}"#, &["acme", "acme~test"]);
    check("acme", r#"{"currency":"USDD"}"#, &["settings_invalid at currency"]);
    check("acme", r#"{"splits":[{"product":"p"}]}"#, &["split_rule_invalid at splits[0].partners"]);
    check("a~b", "{}", &["project_invalid"]);
}
