//! The formats besides the Track envelope: what senders write, and the canonical event or the reason that it becomes.

use daybook_core::money::Currency;
use daybook_wire::input::{Context, decode, decode_spend};
use daybook_wire::output;
use proptest::prelude::*;
use serde_json::{Value, json};

/// What a record of one item becomes.
fn become_of(record: &str, context: Context) -> String {
    let mut items = decode(record.as_bytes(), context);
    assert_eq!(items.len(), 1, "{record}");
    match items.remove(0).event {
        Err(rejection) => rejection.to_string(),
        Ok(event) => {
            let mut out = String::new();
            output::canonical(&event, &mut out);
            out
        }
    }
}

/// A good record with some members set, or taken out with `null`; `a.b` is a member of a member.
fn changed(good: &Value, changes: &Value) -> String {
    let mut record = good.clone();
    for (path, value) in changes.as_object().unwrap() {
        let (last, parents) =
            path.split('.').collect::<Vec<_>>().split_last().map(|(l, p)| (*l, p.to_vec())).unwrap();
        let parent = parents.into_iter().fold(&mut record, |at, key| &mut at[key]);
        let members = parent.as_object_mut().unwrap();
        if value.is_null() {
            members.remove(last);
        } else {
            members.insert(last.to_owned(), value.clone());
        }
    }
    record.to_string()
}

/// Rows of changes and of what must be different in the canonical event, or the reason.
fn check(good: &Value, rows: &[(Value, Value)]) {
    let base: Value = serde_json::from_str(&become_of(&good.to_string(), Context::default())).unwrap();
    for (changes, expected) in rows {
        let actual = become_of(&changed(good, changes), Context::default());
        let expected = match expected {
            Value::String(reason) => reason.clone(),
            differences => changed(&base, differences),
        };
        // Both in the order of their keys.
        let sorted =
            |text: &str| serde_json::from_str::<Value>(text).map_or(text.to_owned(), |v| v.to_string());
        assert_eq!(sorted(&actual), sorted(&expected), "{changes}");
    }
}

/// Seed 003's transaction, literally.
const SEED_003: &str = r#"{
  "id": "tx_123",
  "createdAt": "2026-01-20T23:12:34.567Z",

  "type": "PURCHASE", 
  "status": "PENDING",

  "amount": 119.50,
  "currency": "USD",

  "orderId": "ORD-45678",

  "user": {
    "id": "user_abc",
    "email": "vip@test.com",
    "name": "VIP User"
  },

  "payment": {
    "provider": "stripe",
    "methodId": "pm_...",
    "brand": "VISA",
    "last4": "4242"
  },

  "rewards": {
    "tierAtPurchase": "silver",
    "pointsDelta": 24,
    "pointsStatus": "PENDING",
    "roundedSpend": 120
  },

  "settlement": {
    "clearsAt": "2026-01-21T23:12:34.567Z",
    "clearedAt": null
  }
}"#;

#[test]
fn seed_003_the_literal_transaction() {
    assert_eq!(
        become_of(SEED_003, Context::default()),
        concat!(
            r#"{"amount":"119.5","clearsAt":"2026-01-21T23:12:34.567Z","currency":"USD","eventId":"tx_123/PENDING","#,
            r#""eventLine":0,"kind":"pending","livemode":true,"occurredAt":"2026-01-20T23:12:34.567Z","#,
            r#""orderId":"ORD-45678","pointsDelta":24,"provider":"stripe","roundedSpend":"120","tier":"silver","#,
            r#""transactionId":"tx_123","userId":"user_abc"}"#,
        )
    );
}

#[test]
fn rule_2_what_type_and_status_of_a_transaction_mean() {
    let good: Value = serde_json::from_str(SEED_003).unwrap();
    let is = |kind_of: &str, status: &str, event: &str, kind: &str| {
        (
            json!({"type": kind_of, "status": status}),
            json!({"eventId": format!("tx_123/{event}"), "kind": kind}),
        )
    };
    check(
        &good,
        &[
            is("PURCHASE", "PENDING", "PENDING", "pending"),
            is("PURCHASE", "CLEARED", "CLEARED", "payment"),
            is("PURCHASE", "FAILED", "FAILED", "failed"),
            is("PURCHASE", "REFUNDED", "REFUNDED", "refund_rest"),
            is("REFUND", "CLEARED", "CLEARED", "refund"),
            is("REFUND", "REFUNDED", "CLEARED", "refund"),
            is("REFUND", "FAILED", "FAILED", "refund_failed"),
            is("REFUND", "PENDING", "PENDING", "noted"),
        ],
    );
    let points = |kind_of: &str, status: &str, event: &str, kind: &str| {
        let expected = json!({
            "eventId": format!("tx_123/{event}"), "kind": kind, "amount": null, "roundedSpend": null,
        });
        (json!({"type": kind_of, "status": status}), expected)
    };
    check(
        &good,
        &[
            points("POINTS_REDEEM", "CLEARED", "CLEARED", "points_redeem"),
            points("POINTS_REDEEM", "REFUNDED", "CLEARED", "points_redeem"),
            points("POINTS_ADJUST", "CLEARED", "CLEARED", "points_adjust"),
            points("POINTS_ADJUST", "REFUNDED", "CLEARED", "points_adjust"),
            points("POINTS_REDEEM", "PENDING", "PENDING", "noted"),
            points("POINTS_ADJUST", "FAILED", "FAILED", "noted"),
        ],
    );
}

#[test]
fn rule_4_the_time_of_a_transaction() {
    let good: Value = serde_json::from_str(SEED_003).unwrap();
    let (t1, t2, t3) = ("2026-01-20T23:12:34.567Z", "2026-01-21T10:00:00Z", "2026-01-22T10:00:00+01:00");
    let of = |time: &str| json!({"occurredAt": time});
    check(
        &good,
        &[
            (json!({}), of(t1)),
            (json!({"updatedAt": t2}), of("2026-01-21T10:00:00.000Z")),
            (json!({"settlement.clearedAt": t3}), of(t1)),
            (
                json!({"settlement.clearedAt": t3, "status": "CLEARED"}),
                json!({"occurredAt": "2026-01-22T09:00:00.000Z", "kind": "payment", "eventId": "tx_123/CLEARED"}),
            ),
            (
                json!({"settlement.clearedAt": t3, "status": "CLEARED", "updatedAt": t2}),
                json!({"occurredAt": "2026-01-21T10:00:00.000Z", "kind": "payment", "eventId": "tx_123/CLEARED"}),
            ),
            (json!({"createdAt": null}), json!("timestamp_missing at createdAt")),
            (json!({"createdAt": 1768950754567_i64}), json!("timestamp_invalid at createdAt")),
            (json!({"updatedAt": "yesterday"}), json!("timestamp_invalid at updatedAt")),
            (json!({"settlement.clearedAt": ""}), json!("timestamp_invalid at settlement.clearedAt")),
        ],
    );
}

#[test]
fn what_a_transaction_is_refused_for() {
    let good: Value = serde_json::from_str(SEED_003).unwrap();
    check(
        &good,
        &[
            (json!({"type": "SALE"}), json!("unknown_kind at type")),
            (json!({"type": 7}), json!("unknown_kind at type")),
            (json!({"status": "SETTLED"}), json!("unknown_kind at status")),
            (json!({"status": null}), json!("unknown_kind at status")),
            (json!({"type": "SALE", "id": null}), json!("unknown_kind at type")),
            (json!({"id": null}), json!("event_id_missing at id")),
            (json!({"id": ""}), json!("event_id_missing at id")),
            (json!({"user": null}), json!("user_missing at user.id")),
            (json!({"user.id": null}), json!("user_missing at user.id")),
            (json!({"user": "user_abc"}), json!("user_missing at user.id")),
            (json!({"payment": "stripe"}), json!("field_invalid at payment")),
            (json!({"payment.provider": "user_abc"}), json!("field_invalid at payment.provider")),
            (json!({"rewards": []}), json!("field_invalid at rewards")),
            (json!({"settlement": 1}), json!("field_invalid at settlement")),
            (json!({"currency": "XXX"}), json!("currency_unknown at currency")),
            (json!({"amount": null}), json!("amount_missing at amount")),
            (
                json!({"amount": null, "status": "FAILED"}),
                json!({"amount": null, "kind": "failed", "eventId": "tx_123/FAILED"}),
            ),
            (json!({"amount": null, "type": "REFUND"}), json!("amount_missing at amount")),
            (json!({"amount": 0}), json!("amount_not_positive at amount")),
            (json!({"amount": true}), json!("amount_malformed at amount")),
            (json!({"amount": "119.501"}), json!("excess_precision at amount")),
            (json!({"fee": -1}), json!("amount_out_of_range at fee")),
            (json!({"rewards.pointsDelta": 24.5}), json!("amount_malformed at rewards.pointsDelta")),
            (
                json!({"rewards.pointsDelta": null, "type": "POINTS_ADJUST", "status": "CLEARED"}),
                json!("amount_missing at rewards.pointsDelta"),
            ),
            (
                json!({"rewards.pointsDelta": null, "type": "POINTS_ADJUST"}),
                json!("amount_missing at rewards.pointsDelta"),
            ),
            (
                json!({"rewards.pointsDelta": 1e15, "type": "POINTS_ADJUST", "status": "CLEARED"}),
                json!("amount_out_of_range at rewards.pointsDelta"),
            ),
            (json!({"rewards": null}), json!({"pointsDelta": null, "roundedSpend": null, "tier": null})),
            (json!({"productId": "p17", "fee": "3.77"}), json!({"productId": "p17", "fee": "3.77"})),
        ],
    );
}

fn sales() -> Value {
    json!({
        "event_id": "s1", "event_type": "purchase", "gross_amount": 249.00, "net_amount": "241.48",
        "currency": "usd", "occurred_at": "2026-01-20T10:00:00Z", "order_id": "o1", "product_id": "p17",
        "customer_id": "ada", "provider": "stripe",
    })
}

#[test]
fn every_field_of_a_sales_event() {
    assert_eq!(
        become_of(&sales().to_string(), Context::default()),
        concat!(
            r#"{"amount":"249","currency":"USD","eventId":"s1","eventLine":0,"fee":"7.52","kind":"payment","livemode":true,"#,
            r#""occurredAt":"2026-01-20T10:00:00.000Z","orderId":"o1","productId":"p17","provider":"stripe","userId":"ada"}"#,
        )
    );
}

#[test]
fn rule_6_1_a_sales_event_s_fee_is_gross_less_net() {
    let is = |kind: &str| (json!({"event_type": kind}), json!({}));
    check(
        &sales(),
        &[
            is("subscription"),
            is("upgrade"),
            (json!({"net_amount": null}), json!({"fee": null})),
            (json!({"net_amount": 249}), json!({"fee": "0"})),
            (json!({"net_amount": -1}), json!({"fee": "250"})),
            (json!({"net_amount": 249.01}), json!("amount_out_of_range at net_amount")),
            (json!({"event_type": "cancellation"}), json!({"kind": "noted", "fee": null})),
        ],
    );
}

#[test]
fn rule_6_4_a_sales_event_s_payback_gives_gross_and_net_as_positive_figures() {
    let payback = |kind: &str, net: Value, fee: Value, returned: Value| {
        let expected = json!({"kind": kind, "fee": fee, "feeReturned": returned});
        (json!({"event_type": kind, "net_amount": net}), expected)
    };
    check(
        &sales(),
        &[
            payback("refund", json!("241.48"), json!("0"), json!("7.52")),
            payback("refund", json!("249.25"), json!("0.25"), json!("0")),
            payback("refund", json!(249), json!("0"), json!("0")),
            payback("refund", json!(null), json!(null), json!(null)),
            payback("chargeback", json!(264), json!("15"), json!("0")),
        ],
    );
}

#[test]
fn what_a_sales_event_is_refused_for() {
    check(
        &sales(),
        &[
            (json!({"event_type": "sale"}), json!("unknown_kind at event_type")),
            (json!({"event_id": null}), json!("event_id_missing at event_id")),
            (json!({"customer_id": null}), json!("user_missing at customer_id")),
            (json!({"gross_amount": null}), json!("amount_missing at gross_amount")),
            (
                json!({"gross_amount": null, "event_type": "cancellation"}),
                json!("amount_missing at gross_amount"),
            ),
            (json!({"gross_amount": 0}), json!("amount_not_positive at gross_amount")),
            (json!({"gross_amount": "249.001"}), json!("excess_precision at gross_amount")),
            (json!({"net_amount": "241.481"}), json!("excess_precision at net_amount")),
            (json!({"net_amount": "abc"}), json!("amount_malformed at net_amount")),
            (
                json!({"gross_amount": 999999999999999_i64, "net_amount": 0.01}),
                json!("amount_out_of_range at net_amount"),
            ),
            (json!({"occurred_at": null}), json!("timestamp_missing at occurred_at")),
            (json!({"provider": "ada"}), json!("field_invalid at provider")),
        ],
    );
}

fn canonical() -> Value {
    json!({
        "eventId": "e1", "userId": "ada", "kind": "payment", "amount": "10.50", "currency": "USD", "fee": 0.32,
        "feeReturned": 0, "chargeId": "ch1", "orderId": "o1", "transactionId": "t1", "productId": "p17",
        "provider": "stripe", "tier": "gold", "occurredAt": "2026-01-20T10:00:00Z", "clearsAt": "2026-01-21T10:00:00Z",
        "pointsDelta": 6, "livemode": false, "description": "4242424242424242",
    })
}

#[test]
fn every_field_of_a_canonical_charge() {
    assert_eq!(
        become_of(&canonical().to_string(), Context::default()),
        concat!(
            r#"{"amount":"10.5","cardNumberMasked":true,"chargeId":"ch1","clearsAt":"2026-01-21T10:00:00.000Z","#,
            r#""currency":"USD","description":"************4242","eventId":"e1","eventLine":0,"fee":"0.32","feeReturned":"0","#,
            r#""kind":"payment","livemode":false,"occurredAt":"2026-01-20T10:00:00.000Z","orderId":"o1","pointsDelta":6,"#,
            r#""productId":"p17","provider":"stripe","tier":"gold","transactionId":"t1","userId":"ada"}"#,
        )
    );
}

#[test]
fn rule_2_canonical_kinds_and_what_they_need() {
    let kind = |kind: &str| (json!({"kind": kind}), json!({"kind": kind}));
    let without = |kind: &str| (json!({"kind": kind, "amount": null}), json!({"kind": kind, "amount": null}));
    let needs = |kind: &str| (json!({"kind": kind, "amount": null}), json!("amount_missing at amount"));
    check(
        &canonical(),
        &[
            kind("service"),
            kind("pending"),
            kind("failed"),
            kind("write_off"),
            kind("goodwill"),
            kind("noted"),
            kind("refund"),
            kind("refund_failed"),
            kind("chargeback"),
            kind("chargeback_won"),
            kind("chargeback_lost"),
            kind("refund_rest"),
            needs("service"),
            needs("pending"),
            needs("payment"),
            needs("goodwill"),
            needs("refund"),
            needs("chargeback"),
            needs("refund_rest"),
            without("failed"),
            without("write_off"),
            without("noted"),
            without("refund_failed"),
            without("chargeback_won"),
            without("chargeback_lost"),
            (json!({"kind": "points_redeem"}), json!({"kind": "points_redeem", "amount": null})),
            (
                json!({"kind": "points_adjust", "amount": "x"}),
                json!({"kind": "points_adjust", "amount": null}),
            ),
            (json!({"kind": "points_adjust", "pointsDelta": null}), json!("amount_missing at pointsDelta")),
            (json!({"kind": "Refund"}), json!("unknown_kind at kind")),
            (json!({"occurredAt": null}), json!("timestamp_missing at occurredAt")),
            (json!({"livemode": "no"}), json!("field_invalid at livemode")),
            // What only the projector's own letters say.
            (json!({"eventLine": 3, "roundedSpend": 7}), json!({})),
        ],
    );
}

#[test]
fn a_letter_that_the_projector_wrote_is_read_as_it_was() {
    let letter = r#"{"eventId":"e1","eventLine":3,"kind":"pending","livemode":true,"amount":"1","roundedSpend":"10","userId":"ada","cardNumberMasked":true,"description":"****4242"}"#;
    let own = Context { own_letter: true, ..Context::default() };
    let sorted = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(sorted(&become_of(letter, own)), sorted(letter));
    assert_eq!(become_of(letter, Context::default()), "currency_missing at currency");
    // The id of a standard transaction may have 256 bytes, and the event's has its status behind it.
    let long = |id: &str| letter.replace("\"e1\"", &format!("\"{id}\""));
    let id = format!("{}/CLEARED", "i".repeat(256));
    assert_eq!(sorted(&become_of(&long(&id), own)), sorted(&long(&id)));
    assert_eq!(become_of(&long(&"i".repeat(300)), own), "field_invalid at eventId");
}

#[test]
fn a_record_that_looks_like_several_formats_is_the_first_of_them() {
    let both = |members: &str| format!(r#"{{{members},"kind":"payment","event_type":"refund"}}"#);
    assert_eq!(become_of(&both(r#""track":[]"#), Context::default()), "empty_envelope at track");
    assert_eq!(become_of(&both(r#""type":"X""#), Context::default()), "unknown_kind at type");
    assert_eq!(
        become_of(r#"{"kind":"x","event_type":"refund"}"#, Context::default()),
        "event_id_missing at event_id"
    );
    assert_eq!(become_of(r#"{"kind":null}"#, Context::default()), "unknown_schema");
    assert_eq!(become_of("[]", Context::default()), "unknown_schema");
}

fn spend_of(record: &str, default_currency: Option<&str>) -> String {
    let (event, project) = decode_spend(
        record.as_bytes(),
        Context { currency_of: Some(&|_| default_currency.and_then(Currency::parse)), own_letter: false },
    );
    match event {
        Err(rejection) => rejection.to_string(),
        Ok(event) => {
            let mut out = String::new();
            output::canonical_spend(&event, &mut out);
            out + project.as_deref().unwrap_or_default()
        }
    }
}

#[test]
fn spend_events() {
    let good = json!({
        "event_id": "a1", "project_id": "acme", "spend_amount": 25.50, "currency": "USD",
        "occurred_at": "2026-01-20T10:00:00Z", "provider": "meta", "campaign_id": "c", "adset_id": "s", "ad_id": "d",
        "version": 2, "is_active": false,
    });
    let full = r#"{"ad_id":"d","adset_id":"s","campaign_id":"c","currency":"USD","event_id":"a1","is_active":false,"occurred_at":"2026-01-20T10:00:00.000Z","provider":"meta","spend_amount":"25.5","version":2}acme"#;
    assert_eq!(spend_of(&good.to_string(), None), full);
    let bare = r#"{"event_id":"a1","spend_amount":0,"occurred_at":"2026-01-20T10:00:00Z"}"#;
    let expected = r#"{"event_id":"a1","is_active":true,"occurred_at":"2026-01-20T10:00:00.000Z","spend_amount":"0","version":1}"#;
    assert_eq!(spend_of(bare, None), expected);
    for (changes, default_currency, reason) in [
        (json!({"event_id": null}), None, "event_id_missing at event_id"),
        (json!({"spend_amount": null}), None, "amount_missing at spend_amount"),
        (json!({"spend_amount": false}), None, "amount_malformed at spend_amount"),
        (json!({"spend_amount": -0.01}), None, "amount_out_of_range at spend_amount"),
        (json!({"spend_amount": "0.001"}), None, "excess_precision at spend_amount"),
        (
            json!({"spend_amount": "0.001", "currency": null, "version": 1.5}),
            Some("USD"),
            "field_invalid at version",
        ),
        (
            json!({"spend_amount": "0.001", "currency": null, "occurred_at": 1}),
            Some("USD"),
            "excess_precision at spend_amount",
        ),
        (json!({"currency": null, "occurred_at": 1}), None, "currency_missing at currency"),
        (json!({"currency": "ZZZ"}), None, "currency_unknown at currency"),
        (json!({"version": -1}), None, "field_invalid at version"),
        (json!({"version": 2147483648_u64}), None, "field_invalid at version"),
        (json!({"is_active": "yes"}), None, "field_invalid at is_active"),
        (json!({"occurred_at": null}), None, "timestamp_missing at occurred_at"),
        (json!({"occurred_at": 1768900000}), None, "timestamp_invalid at occurred_at"),
    ] {
        assert_eq!(spend_of(&changed(&good, &changes), default_currency), reason, "{changes}");
    }
    assert_eq!(spend_of("{", None), "malformed_json");
    assert_eq!(spend_of("[]", None), "unknown_schema");
}

proptest! {
    #[test]
    fn no_mutation_of_a_record_panics(
        record in prop::sample::select(vec![SEED_003.to_owned(), sales().to_string(), canonical().to_string()]),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(any::<u8>())), 0..5),
        spliced in prop::sample::select(vec!["null", "-0", "1e400", "9e14", "1e-20", "\"\"", "[]", "{}", "\\u0000", "999999999999999"]),
        at in any::<prop::sample::Index>(),
    ) {
        let mut value = record.into_bytes();
        for (at, with) in cuts {
            let at = at.index(value.len());
            match with {
                Some(byte) => value[at] = byte,
                None => { value.remove(at); }
            }
        }
        let at = at.index(value.len());
        value.splice(at..at, spliced.bytes());
        for item in decode(&value, Context { currency_of: Some(&|_| Currency::parse("USD")), own_letter: false }) {
            match item.event {
                // A reason never quotes the payload, only where it is.
                Err(rejection) => prop_assert!(rejection.path.len() < 60, "{}", rejection),
                // What is accepted fits the journal.
                Ok(event) => {
                    let mut bytes = Vec::new();
                    let record = daybook_core::event::JournalRecord {
                        project: "acme".into(),
                        recorded_at_ms: 0,
                        source_timestamp_ms: None,
                        source: None,
                        body: daybook_core::event::Body::Charge(Box::new(event)),
                    };
                    daybook_wire::journal::encode(&record, &mut bytes);
                    prop_assert_eq!(daybook_wire::journal::decode(&bytes).unwrap(), record);
                }
            }
        }
        let _ = decode_spend(&value, Context::default());
    }
}
