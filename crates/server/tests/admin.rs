//! Operators' routes: who gets in, what is refused and how, and what a topic's page holds.

#![allow(clippy::unwrap_used)]

mod support;

use daybook_server::TopicRecord;
use serde_json::json;
use support::{ACME_KEY, BODY_BYTES_MAX, Log, OPERATOR_KEY, Rig};

const SETTINGS: &str = "/api/v1/projects/acme/settings";
const RECORDS: &str = "/api/v1/topics/charges/records";
const KEY: (&str, &str) = ("x-api-key", OPERATOR_KEY);

#[test]
fn refusals_of_settings_by_descending_precedence() {
    let rig = Rig::start();
    let large = "x".repeat(BODY_BYTES_MAX + 1);
    let bad_name = "/api/v1/projects/ac~me/settings";
    for (what, path, key, body, status, reason, at) in [
        ("no key", bad_name, "", large.as_str(), 401, "key_missing", None),
        ("unknown key", SETTINGS, "guess", "{}", 401, "key_unknown", None),
        ("the project's own key", SETTINGS, ACME_KEY, "{}", 403, "key_forbidden", None),
        ("project name", bad_name, OPERATOR_KEY, &large, 400, "project_invalid", None),
        ("not UTF-8", "/api/v1/projects/%ff/settings", OPERATOR_KEY, "{}", 400, "field_invalid", None),
        ("too large", SETTINGS, OPERATOR_KEY, &large, 413, "payload_too_large", None),
        (
            "a key",
            SETTINGS,
            OPERATOR_KEY,
            "settings_invalid fees.stripe.percent",
            422,
            "settings_invalid",
            Some("fees.stripe.percent"),
        ),
        ("the whole", SETTINGS, OPERATOR_KEY, "settings_invalid", 422, "settings_invalid", Some("")),
        (
            "a split",
            SETTINGS,
            OPERATOR_KEY,
            "split_rule_invalid splits[0]",
            422,
            "split_rule_invalid",
            Some("splits[0]"),
        ),
    ] {
        let answer = rig.put(path, &[("x-api-key", key)], body);
        let problem = answer.json();
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
        assert_eq!(problem["reason"], reason, "{what}");
        assert_eq!(problem["type"], format!("urn:daybook:problem:{reason}"), "{what}");
        assert_eq!(problem.get("key").and_then(|key| key.as_str()), at, "{what}");
        assert!(rig.gateway.settings.lock().unwrap().is_empty(), "{what}");
    }
}

#[test]
fn settings_are_handed_on_as_sent() {
    let rig = Rig::start();
    let sent = r#"{ "currency": "USD" }"#;
    let answer = rig.put(SETTINGS, &[KEY], sent);
    assert_eq!((answer.status, answer.json()), (202, json!({"project": "acme"})));
    let handed_on = std::mem::take(&mut *rig.gateway.settings.lock().unwrap());
    assert_eq!(handed_on, [("acme".to_owned(), sent.as_bytes().to_vec())]);

    for (log, reason) in [(Log::Unavailable, "log_unavailable"), (Log::Draining, "draining")] {
        *rig.gateway.log.lock().unwrap() = log;
        let answer = rig.put(SETTINGS, &[KEY], sent);
        assert_eq!((answer.status, answer.json()["reason"].as_str()), (503, Some(reason)));
        assert_eq!(answer.header("retry-after"), "1");
        assert!(!answer.body.contains("broker 3"));
    }
}

#[test]
fn a_topic_is_read_page_by_page() {
    let rig = Rig::start();
    let record = |offset: u64| TopicRecord {
        offset,
        timestamp_ms: (offset > 0).then_some(1_767_225_600_000),
        key: b"acme".to_vec(),
        value: vec![0xff, 0x00],
        headers: vec![("daybook-project".into(), b"acme".to_vec())],
    };
    *rig.gateway.charges.lock().unwrap() = (0..5_003).map(record).collect();
    let first = rig.query(&format!("{RECORDS}?limit=2")).json();
    let shown = |offset: u64, timestamp_ms: Option<i64>| {
        json!({"offset": offset, "timestamp_ms": timestamp_ms, "key": "YWNtZQ==", "value": "/wA=",
            "headers": [["daybook-project", "YWNtZQ=="]]})
    };
    let records = [shown(0, None), shown(1, Some(1_767_225_600_000))];
    assert_eq!(first, json!({"topic": "charges", "end": 5003, "next": 2, "records": records}));

    for (query, next, offsets) in [
        ("", 1_000, 0..1_000),
        ("?from=0&limit=5000", 5_000, 0..5_000),
        ("?limit=999999", 5_000, 0..5_000),
        ("?from=5000&limit=5000", 5_003, 5_000..5_003),
        ("?from=5003", 5_003, 0..0),
        ("?from=18446744073709551615", u64::MAX, 0..0),
    ] {
        let page = rig.query(&format!("{RECORDS}{query}")).json();
        let found: Vec<u64> =
            page["records"].as_array().unwrap().iter().map(|r| r["offset"].as_u64().unwrap()).collect();
        assert_eq!(found, offsets.collect::<Vec<_>>(), "{query}");
        assert_eq!((&page["next"], &page["end"]), (&json!(next), &json!(5_003)), "{query}");
    }
}

#[test]
fn topics_that_cannot_be_read() {
    let rig = Rig::start();
    for (topic, status, reason) in [
        ("nothing", 404, "topic_unknown"),
        ("%ff", 400, "field_invalid"),
        ("broken", 503, "log_unavailable"),
        ("panic", 500, "internal"),
    ] {
        let answer = rig.query(&format!("/api/v1/topics/{topic}/records"));
        assert_eq!((answer.status, answer.json()["reason"].as_str()), (status, Some(reason)), "{topic}");
        assert!(!answer.body.contains("disk 3"));
    }
}

#[test]
fn records_are_appended_to_inputs_as_they_are() {
    let rig = Rig::start();
    let shown = json!({"timestamp_ms": 5, "key": "YWNtZQ==", "value": "/wA=", "headers": [["daybook-project", "YWNtZQ=="]]});
    let body = json!({"records": [shown, {"value": "e30="}]}).to_string();
    let answer = rig.post(RECORDS, &[KEY], &body);
    assert_eq!((answer.status, answer.json()), (202, json!({"appended": 2})));
    let record = TopicRecord {
        offset: 0,
        timestamp_ms: Some(5),
        key: b"acme".to_vec(),
        value: vec![0xff, 0x00],
        headers: vec![("daybook-project".into(), b"acme".to_vec())],
    };
    let bare = TopicRecord { value: b"{}".to_vec(), ..TopicRecord::default() };
    assert_eq!(std::mem::take(&mut *rig.gateway.charges.lock().unwrap()), [record, bare]);

    for (what, path, key, body, status, reason) in [
        ("no key", RECORDS, "", &*body, 401, "key_missing"),
        ("a project's own key", RECORDS, ACME_KEY, &body, 403, "key_forbidden"),
        ("no JSON", RECORDS, OPERATOR_KEY, "{", 400, "malformed_json"),
        ("no base64", RECORDS, OPERATOR_KEY, r#"{"records":[{"value":"{}"}]}"#, 400, "malformed_json"),
        ("the journal", "/api/v1/topics/journal/records", OPERATOR_KEY, &body, 422, "topic_not_input"),
        ("no topic", "/api/v1/topics/nothing/records", OPERATOR_KEY, &body, 404, "topic_unknown"),
    ] {
        let answer = rig.post(path, &[("x-api-key", key)], body);
        assert_eq!((answer.status, answer.json()["reason"].as_str()), (status, Some(reason)), "{what}");
    }
    for (log, reason) in [(Log::Unavailable, "log_unavailable"), (Log::Draining, "draining")] {
        *rig.gateway.log.lock().unwrap() = log;
        let answer = rig.post(RECORDS, &[KEY], &body);
        assert_eq!((answer.status, answer.json()["reason"].as_str()), (503, Some(reason)));
    }
    assert!(rig.gateway.charges.lock().unwrap().is_empty());
}
