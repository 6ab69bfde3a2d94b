//! The model against figures worked out by hand.

use super::*;

const START_MS: i64 = 1_767_225_600_000; // 2026-01-01T00:00:00Z
const DAY_MS: i64 = 86_400_000;

/// One payload item of the project `acme`: event id, user, and the fields beside the status.
fn item(event_id: &str, user: &str, data: &str) -> String {
    format!(r#"{{"eventId":"{event_id}","userId":"{user}","data":{{"status":"succeeded",{data}}}}}"#)
}

fn envelope(items: &[String]) -> String {
    let payload = items.join(",");
    format!(r#"{{"track":[{{"name":"Charge","payload":[{payload}]}}]}}"#)
}

fn ann(event_id: &str, data: &str) -> String {
    envelope(&[item(event_id, "ann", data)])
}

/// The totals of record values that arrive one second after the other.
fn totals(values: &[String]) -> Totals {
    let times = (START_MS..).step_by(1_000);
    expected(values.iter().zip(times).map(|(value, timestamp_ms)| Input {
        project: "acme",
        value: value.as_bytes(),
        timestamp_ms,
    }))
}

fn balances(totals: &Totals) -> Vec<(&str, &str, &str, i128)> {
    let rows = totals.balances.iter();
    rows.map(|((_, organization, account, currency), balance)| {
        (organization.as_str(), *account, currency.as_str(), *balance)
    })
    .collect()
}

fn reasons(totals: &Totals) -> Vec<(&str, u64)> {
    let rows = totals.dead_letters.iter();
    rows.map(|(reason, number)| (reason.as_str(), *number)).collect()
}

#[test]
fn a_payment_with_a_fee_and_its_refund() {
    // 249.00 at 2.9 % + 0.30 costs 7.52; of a refund of 100.00 the processor gives back 2.90.
    let totals = totals(&[
        ann("e1", r#""amount":249.00,"currency":"USD","fee":7.52,"chargeId":"c","provider":"stripe""#),
        ann(
            "e2",
            r#""amount_refunded":100,"currency":"USD","feeReturned":"2.90","chargeId":"c","occurredAt":"2026-01-02T00:00:00Z""#,
        ),
    ]);
    assert_eq!((totals.accepted, totals.duplicates), (2, 0));
    assert_eq!(
        balances(&totals),
        [
            ("acme", "Assets", "USD", 24_900 - 752 - 10_000 + 290),
            ("acme", "Income", "USD", -24_900),
            ("ann", "Refund", "USD", 10_000),
            ("stripe", "Income", "USD", 752 - 290),
        ]
    );
    let row = |day: &str| totals.daily[&("acme".into(), day.into(), "USD".into())];
    assert_eq!(
        row("2026-01-01"),
        Daily {
            gross_sales_minor: 24_900,
            gross_revenue_minor: 24_900,
            platform_fees_minor: 752,
            net_revenue_minor: 24_148,
            transaction_count: 1,
            ..Daily::default()
        }
    );
    assert_eq!(
        row("2026-01-02"),
        Daily {
            refunds_minor: 10_000,
            gross_revenue_minor: -10_000,
            platform_fees_minor: -290,
            net_revenue_minor: -9_710,
            refund_count: 1,
            ..Daily::default()
        }
    );
    assert_eq!(totals.daily.len(), 2);
}

#[test]
fn a_fee_above_the_amount_is_paid_from_assets() {
    let totals = totals(&[
        ann("e1", r#""amount":1,"currency":"USD","fee":1.25"#),
        ann("e2", r#""amount_refunded":1,"currency":"EUR","fee":0.10"#),
    ]);
    assert_eq!(
        balances(&totals),
        [
            ("acme", "Assets", "EUR", -110),
            ("acme", "Assets", "USD", -25),
            ("acme", "Income", "USD", -100),
            ("ann", "Refund", "EUR", 100),
            ("processor", "Income", "EUR", 10),
            ("processor", "Income", "USD", 125),
        ]
    );
}

#[test]
fn points_are_of_what_remains_paid() {
    let silver =
        |amount: &str| format!(r#""amount":{amount},"currency":"USD","tier":"silver","chargeId":"c""#);
    let back = |amount: &str| format!(r#""amount_refunded":{amount},"currency":"USD","chargeId":"c""#);
    for (events, points) in [
        (vec![silver("119.50")], 24),
        (vec![silver("119.50"), back("9.50")], 22),
        (vec![silver("119.50"), back("9.49")], 24), // 110.01
        (vec![silver("119.50"), back("1.00")], 24),
        (vec![silver("119.50"), back("1.00"), back("1.00")], 24),
        (vec![silver("119.50"), back("119.50")], 0),
        (vec![silver("119.50"), back("100"), back("100")], 0), // more than was paid
        (vec![back("9.50"), silver("119.50")], 22),            // before its payment
        (vec![back("9.50")], 0),
        (vec![silver("0.01")], 2),
        (vec![silver("5"), silver("5")], 2), // one charge of 10
        (vec![silver("5"), silver("5.01")], 4),
    ] {
        let values: Vec<String> =
            (events.iter().enumerate()).map(|(place, data)| ann(&format!("e{place}"), data)).collect();
        let totals = totals(&values);
        let found = totals.points.values().sum::<i64>();
        assert_eq!(found, points, "{events:?}");
    }
}

#[test]
fn points_by_tier_and_currency() {
    for (data, points) in [
        (r#""amount":100,"currency":"USD""#, 10),
        (r#""amount":100,"currency":"USD","tier":"bronze""#, 10),
        (r#""amount":100,"currency":"USD","tier":"gold""#, 30),
        (r#""amount":100,"currency":"USD","tier":"iron""#, 10),
        (r#""amount":101,"currency":"JPY""#, 11),
        (r#""amount":"10.001","currency":"KWD","tier":"silver""#, 4),
    ] {
        let found = totals(&[ann("e", data)]).points.values().sum::<i64>();
        assert_eq!(found, points, "{data}");
    }
}

#[test]
fn a_charge_belongs_to_the_first_payment_by_event_time() {
    let data = |more: &str| format!(r#""currency":"USD","chargeId":"c",{more}"#);
    let totals = totals(&[envelope(&[
        item("e1", "eve", &data(r#""amount_refunded":5,"occurredAt":"2025-12-30T00:00:00Z""#)),
        item("e2", "bob", &data(r#""amount":10,"tier":"gold","occurredAt":"2025-12-31T00:00:01Z""#)),
        item(
            "e3",
            "ann",
            &data(r#""amount":15,"tier":"silver","provider":"adyen","occurredAt":"2025-12-31T00:00:00Z""#),
        ),
    ])]);
    assert_eq!(
        balances(&totals),
        [("acme", "Assets", "USD", 2_000), ("acme", "Income", "USD", -2_500), ("ann", "Refund", "USD", 500),]
    );
    // 25.00 less 5.00, silver.
    assert_eq!(totals.points, [(("acme".into(), "ann".into()), 4)].into());
}

#[test]
fn one_reference_in_two_currencies_is_two_charges() {
    let totals = totals(&[
        ann("e1", r#""amount":10,"currency":"USD","chargeId":"c""#),
        ann("e2", r#""amount_refunded":10,"currency":"EUR","chargeId":"c""#),
        ann("e3", r#""amount":10,"currency":"USD","orderId":"c""#), // one namespace
    ]);
    assert_eq!(totals.points.values().sum::<i64>(), 2);
    let gross = |currency: &str| {
        let key = ("acme".into(), "2026-01-01".into(), currency.into());
        totals.daily[&key].gross_revenue_minor
    };
    assert_eq!((gross("USD"), gross("EUR")), (2_000, -1_000));
}

#[test]
fn test_payments_have_books_of_their_own() {
    let totals = totals(&[
        ann("e", r#""amount":10,"currency":"USD","livemode":false"#),
        ann("e", r#""amount":10,"currency":"USD""#), // another event in other books
    ]);
    assert_eq!(totals.accepted, 2);
    let projects: Vec<&str> = totals.daily.keys().map(|key| key.0.as_str()).collect();
    assert_eq!(projects, ["acme", "acme~test"]);
    let income = ("acme~test".into(), "acme~test".into(), "Income", "USD".into());
    assert_eq!(totals.balances[&income], -1_000);
}

#[test]
fn the_same_event_again() {
    let first = r#""amount":10.5,"currency":"USD","fee":0.30,"occurredAt":"2025-12-31T12:00:00Z","description":"4242 4242 4242 4242""#;
    for (again, duplicate) in [
        (first, true),
        (
            r#""amount":"10.50","currency":"usd","fee":3e-1,"occurredAt":"2025-12-31T14:00:00.0004+02:00","livemode":true,"description":"**** **** **** 4242","more":1"#,
            true,
        ),
        (
            r#""amount":10.51,"currency":"USD","fee":0.30,"occurredAt":"2025-12-31T12:00:00Z","description":"4242 4242 4242 4242""#,
            false,
        ),
        (
            r#""amount":10.5,"currency":"EUR","fee":0.30,"occurredAt":"2025-12-31T12:00:00Z","description":"4242 4242 4242 4242""#,
            false,
        ),
        (
            r#""amount":10.5,"currency":"USD","occurredAt":"2025-12-31T12:00:00Z","description":"4242 4242 4242 4242""#,
            false,
        ),
        (r#""amount":10.5,"currency":"USD","fee":0.30,"description":"4242 4242 4242 4242""#, false),
        (r#""amount":10.5,"currency":"USD","fee":0.30,"occurredAt":"2025-12-31T12:00:00Z""#, false),
        (
            r#""amount_refunded":10.5,"currency":"USD","fee":0.30,"occurredAt":"2025-12-31T12:00:00Z","description":"4242 4242 4242 4242""#,
            false,
        ),
    ] {
        let totals = totals(&[ann("e", first), ann("e", again)]);
        let conflicts = u64::from(!duplicate);
        assert_eq!((totals.accepted, totals.duplicates), (1, 1 - conflicts), "{again}");
        assert_eq!(totals.dead_letters.values().sum::<u64>(), conflicts, "{again}");
        assert_eq!(totals.points.values().sum::<i64>(), 2, "{again}");
    }
}

#[test]
fn items_that_share_an_id_are_told_apart_by_line() {
    let paid = |amount: &str| item("e", "ann", &format!(r#""amount":{amount},"currency":"USD""#));
    // The rejected item has a line too, so the third item is the same event in both envelopes.
    let first = envelope(&[paid("10"), paid("0"), paid("10")]);
    let again = envelope(&[paid("10"), paid("5"), paid("10")]);
    let totals = totals(&[first, again]);
    assert_eq!((totals.accepted, totals.duplicates), (3, 2));
    assert_eq!(reasons(&totals), [("amount_not_positive", 1)]);
}

#[test]
fn a_history_is_bounded() {
    let values: Vec<String> = (0..=HISTORY_MAX)
        .map(|place| ann(&format!("e{place}"), r#""amount":1,"currency":"USD","chargeId":"c""#))
        .collect();
    let totals = totals(&values);
    assert_eq!(totals.accepted, 1_000);
    assert_eq!(reasons(&totals), [("charge_history_full", 1)]);
}

#[test]
fn what_is_zero_is_left_out() {
    assert_eq!(totals(&[]), Totals::default());
    let gone = totals(&[
        ann("e1", r#""amount":10,"currency":"USD","chargeId":"c""#),
        ann("e2", r#""amount_refunded":10,"currency":"USD","chargeId":"c""#),
    ]);
    assert_eq!(gone.points, BTreeMap::new());
    assert_eq!(balances(&gone), [("acme", "Income", "USD", -1_000), ("ann", "Refund", "USD", 1_000)]);
}

/// Records with one thing wrong, and records with two, of which the first in order counts.
#[test]
fn rejection_reasons_in_their_order() {
    let good = r#""amount":10,"currency":"USD""#;
    for (value, reason, number) in [
        ("{".to_owned(), "malformed_json", 1),
        (envelope(&[item("e", "ann", r#""amount":NaN"#)]), "malformed_json", 1),
        (ann("e", r#""amount":1,"amount":2"#), "malformed_json", 1),
        ("{}".to_owned(), "unknown_schema", 1),
        ("[]".to_owned(), "unknown_schema", 1),
        (r#"{"track":[]}"#.to_owned(), "empty_envelope", 1),
        (r#"{"track":[{"name":"Refund","payload":[]}]}"#.to_owned(), "empty_envelope", 1),
        (r#"{"track":{}}"#.to_owned(), "field_invalid", 1),
        (r#"{"track":[{"name":"Charge","payload":{}}]}"#.to_owned(), "field_invalid", 1),
        (
            envelope(&[item("e", "ann", good), item("f", "ann", good)]).replace("Charge", "Purchase"),
            "unknown_event_name",
            2,
        ),
        (ann("", good).replace("succeeded", "failed"), "not_succeeded", 1),
        (envelope(&[item("", "", good)]), "event_id_missing", 1),
        (envelope(&[item("e", "", r#""tier":1"#)]), "user_missing", 1),
        (ann("e", r#""tier":1"#), "field_invalid", 1),
        (ann("e", r#""amount":1,"currency":"USD","provider":"ann""#), "field_invalid", 1),
        (ann("e", r#""amount":1,"currency":"USD","provider":"acme""#), "field_invalid", 1),
        (ann(&"e".repeat(257), good), "field_invalid", 1),
        (ann("e", r#""amount":"x""#), "currency_missing", 1),
        (ann("e", r#""amount":"x","currency":"XYZ""#), "currency_unknown", 1),
        (ann("e", r#""currency":"USD""#), "amount_missing", 1),
        (ann("e", r#""currency":"USD","amount":0,"amount_refunded":"x""#), "amount_ambiguous", 1),
        (ann("e", r#""currency":"USD","amount":0,"fee":"x""#), "amount_malformed", 1),
        (ann("e", r#""currency":"USD","amount":true"#), "amount_malformed", 1),
        (ann("e", r#""currency":"USD","amount":-19.999"#), "amount_not_positive", 1),
        (ann("e", r#""currency":"USD","amount":0.00"#), "amount_not_positive", 1),
        (ann("e", r#""currency":"USD","amount":19.999,"fee":-1"#), "excess_precision", 1),
        (ann("e", r#""currency":"USD","amount":1e400"#), "amount_out_of_range", 1),
        (ann("e", r#""currency":"USD","amount":1,"fee":-1,"occurredAt":1"#), "amount_out_of_range", 1),
        (ann("e", r#""currency":"USD","amount":1,"occurredAt":1"#), "timestamp_invalid", 1),
        (
            ann("e", r#""currency":"USD","amount":1,"occurredAt":"2026-01-02T00:00:00.001Z""#),
            "timestamp_invalid",
            1,
        ),
        (
            ann("e", r#""currency":"USD","amount":1,"occurredAt":"2024-11-26T23:59:59.999Z""#),
            "beyond_horizon",
            1,
        ),
    ] {
        let totals = totals(std::slice::from_ref(&value));
        assert_eq!(reasons(&totals), [(reason, number)], "{value}");
        assert_eq!((totals.accepted, totals.balances.len()), (0, 0), "{value}");
    }
}

#[test]
fn times_at_their_bounds_are_good() {
    for at in ["2026-01-02T00:00:00.000Z", "2024-11-27T00:00:00Z"] {
        let value = ann("e", &format!(r#""currency":"USD","amount":1,"occurredAt":"{at}""#));
        assert_eq!(totals(&[value]).accepted, 1, "{at}");
    }
}

#[test]
fn a_record_far_behind_journal_time_is_refused() {
    let first = ann("e", r#""amount":10,"currency":"USD""#);
    let second = ann("f", r#""amount":10,"currency":"USD""#);
    let inputs = [(&first, 400 * DAY_MS + 1), (&second, 0)];
    let totals = expected(inputs.into_iter().map(|(value, after_ms)| Input {
        project: "acme",
        value: value.as_bytes(),
        timestamp_ms: START_MS + after_ms,
    }));
    assert_eq!(reasons(&totals), [("beyond_horizon", 1)]);
}

#[test]
fn projects_have_names() {
    let value = ann("e", r#""amount":10,"currency":"USD""#);
    for (project, reason) in [
        ("", Some("project_missing")),
        ("acme~test", Some("project_invalid")),
        ("a b", Some("project_invalid")),
        ("A-z_0.9", None),
    ] {
        let totals =
            expected(std::iter::once(Input { project, value: value.as_bytes(), timestamp_ms: START_MS }));
        let found = totals.dead_letters.keys().next().map(String::as_str);
        assert_eq!(found, reason, "{project}");
    }
}
