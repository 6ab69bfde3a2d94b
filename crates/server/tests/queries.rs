//! What the queries answer, for output records as contracts.md has them.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use daybook_server::{Counters, OutputRecord};
use serde_json::{Value, json};
use support::{ACME_KEY, Rig};

fn entry(project: &str, number: u64) -> Value {
    json!({
        "project_id": project, "entry_number": number, "previous_hash": "0".repeat(64),
        "event_id": format!("e{number}"), "event_line": 0, "kind": "payment", "corrects": null,
        "caused_by": null, "charge_id": "c1", "occurred_at": "2026-03-14T09:00:00.000Z",
        "recorded_at": "2026-03-14T09:00:01.000Z", "economic_day": "2026-03-14",
        "currency": "USD", "minor_digits": 2, "charge_state": "settled", "flags": ["late_payback"],
        "descr": null, "journal_sequence": number,
        "postings": [{"orig_organization": "ann", "orig_account": "Payable",
            "dest_organization": project, "dest_account": "Assets",
            "amount_minor": 999_999_999_999_999_u64, "provider": project}],
    })
}

fn day(day: &str, currency: &str, digits: u8, gross: i64, fees: i64) -> Value {
    json!({
        "project_id": "acme", "economic_day": day, "currency": currency, "minor_digits": digits,
        "gross_sales_minor": gross, "refunds_minor": 0, "chargebacks_minor": 0,
        "gross_revenue_minor": gross, "platform_fees_minor": fees, "net_revenue_minor": gross - fees,
        "transaction_count": 1, "refund_count": 0, "chargeback_count": 0, "revision": 1,
        "as_of": "2026-03-14T09:00:01.000Z", "journal_sequence": 1,
    })
}

fn put_day(rig: &Rig, row: &Value) {
    let key = format!("acme/{}/{}", row["economic_day"], row["currency"]);
    rig.apply("revenue.daily", &key, row);
}

fn balance(organization: &str, account: &str, currency: &str, minor: i64) -> (String, Value) {
    let key = format!("acme/{organization}/{account}/{currency}");
    let value = json!({
        "project_id": "acme", "organization": organization, "account": account,
        "currency": currency, "minor_digits": 2, "balance_minor": minor, "entry_number": 1,
        "journal_sequence": 1,
    });
    (key, value)
}

fn put_balance(rig: &Rig, organization: &str, account: &str, currency: &str, minor: i64) {
    let (key, value) = balance(organization, account, currency, minor);
    rig.apply("accounts.balances", &key, &value);
}

fn dead_letter(rig: &Rig, headers: &[(&str, &str)]) {
    let headers: Vec<(String, Vec<u8>)> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    rig.books.apply(OutputRecord { topic: "charges.dlq", key: b"", value: b"{", headers: &headers });
}

/// The part of an answer at a JSON pointer is `expected`.
#[track_caller]
fn check(rig: &Rig, path: &str, pointer: &str, expected: Value) {
    let answer = rig.query(path);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json().pointer(pointer), Some(&expected), "{path} {pointer} in {}", answer.body);
}

#[test]
fn day_rows_are_the_last_of_their_key() {
    let rig = Rig::start();
    put_day(&rig, &day("2026-03-13", "USD", 2, 100, 3));
    put_day(&rig, &day("2026-03-14", "USD", 2, 1, 1));
    put_day(&rig, &day("2026-03-14", "USD", 2, 27_128, 817));
    put_day(&rig, &day("2026-03-12", "JPY", 0, 500, 500));
    let daily = "/api/v1/projects/acme/revenue/daily";
    check(&rig, daily, "/days/2/gross_sales_minor", json!(27_128));
    check(&rig, daily, "/days/2/gross_sales", json!("271.28"));
    check(&rig, daily, "/days/2/net_revenue", json!("263.11"));
    check(&rig, daily, "/days/0/platform_fees", json!("500"));
    let bounded = format!("{daily}?from=2026-03-13&to=2026-03-13");
    check(&rig, &bounded, "/days/0/economic_day", json!("2026-03-13"));
    assert_eq!(rig.query(&bounded).json()["days"].as_array().unwrap().len(), 1);

    let overview = "/api/v1/projects/acme/overview";
    check(&rig, overview, "/today/day", json!("2026-03-14"));
    check(&rig, overview, "/today/basis", json!("newest_day_row"));
    check(&rig, overview, "/today/figures/0/currency", json!("JPY"));
    check(&rig, overview, "/today/figures/0/gross_sales", json!("0"));
    check(&rig, overview, "/today/figures/1/gross_sales", json!("271.28"));
    check(&rig, overview, "/days/0/economic_day", json!("2026-03-14"));
    check(&rig, overview, "/days/2/economic_day", json!("2026-03-12"));
}

#[test]
fn entries_are_newest_first_and_counted_once() {
    let rig = Rig::start();
    for number in (1..=510).chain(505..=510) {
        rig.apply("ledger.entries", "acme", &entry("acme", number));
    }
    let path = "/api/v1/projects/acme/entries?limit=500";
    check(&rig, path, "/entry_count", json!(510));
    check(&rig, path, "/entries/0/entry_number", json!(510));
    check(&rig, path, "/entries/499/entry_number", json!(11));
    assert_eq!(rig.query(path).json()["entries"].as_array().unwrap().len(), 500);
}

#[test]
fn balances_show_organizations_and_all_customers_as_one() {
    let rig = Rig::start();
    put_balance(&rig, "acme", "Income", "USD", -24_900);
    put_balance(&rig, "acme", "Assets", "USD", 24_148);
    put_balance(&rig, "stripe", "Income", "USD", 700);
    put_balance(&rig, "stripe", "Income", "USD", 752);
    put_balance(&rig, "ann", "Payable", "USD", 40);
    put_balance(&rig, "bob", "Payable", "USD", -40);
    put_balance(&rig, "ann", "Payable", "USD", 45);
    put_balance(&rig, "bob", "Refund", "USD", 5);
    let path = "/api/v1/projects/acme/balances";
    check(&rig, path, "/balanced", json!(false));
    check(&rig, path, "/currencies/0/sum_minor", json!(10));
    put_balance(&rig, "bob", "Payable", "USD", -50);
    check(&rig, path, "/balanced", json!(true));
    check(&rig, path, "/currencies/0/sum_minor", json!(0));
    check(&rig, path, "/currencies/0/sum", json!("0.00"));
    let accounts = &rig.query(path).json()["currencies"][0]["accounts"];
    let rows: Vec<String> = accounts
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            format!("{} {} {} {}", row["role"], row["organization"], row["account"], row["balance"])
                .replace('"', "")
        })
        .collect();
    assert_eq!(
        rows,
        [
            "provider acme Income -249.00",
            "provider acme Assets 241.48",
            "processor stripe Income 7.52",
            "customers null Payable -0.05",
            "customers null Refund 0.05",
        ]
    );
    check(&rig, path, "/currencies/0/accounts/3/customer_count", json!(2));
}

#[test]
fn a_snapshot_holds_whole_transactions() {
    let rig = Rig::start();
    let done = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let (books, done) = (Arc::clone(&rig.books), Arc::clone(&done));
        move || {
            for amount in 1.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let rows = [
                    balance("acme", "Income", "USD", -amount),
                    balance("stripe", "Income", "USD", amount / 3),
                    balance("ann", "Payable", "USD", amount - amount / 3),
                ]
                .map(|(key, value)| (key, value.to_string()));
                books.apply_batch(rows.iter().map(|(key, value)| OutputRecord {
                    topic: "accounts.balances",
                    key: key.as_bytes(),
                    value: value.as_bytes(),
                    headers: &[],
                }));
            }
        }
    });
    while rig.query("/api/v1/projects/acme/balances").status == 404 {}
    for _ in 0..200 {
        check(&rig, "/api/v1/projects/acme/overview", "/balances/balanced", json!(true));
    }
    done.store(true, Ordering::Relaxed);
    writer.join().unwrap();
}

#[test]
fn what_each_key_sees() {
    let rig = Rig::start();
    for project in ["acme", "acme~test", "acme2", "other"] {
        rig.apply("ledger.entries", project, &entry(project, 1));
    }
    dead_letter(&rig, &[("daybook-project", "other"), ("daybook-reason", "not_succeeded")]);
    dead_letter(&rig, &[("daybook-reason", "project_missing")]);
    let names = |key: &str, path: &str| -> Vec<String> {
        let answer = rig.get(path, &[("x-api-key", key)]).json();
        let projects = answer["projects"].as_array().unwrap().clone();
        projects.iter().map(|project| project["project"].as_str().unwrap().to_owned()).collect()
    };
    for path in ["/api/v1/projects", "/api/v1/overview"] {
        assert_eq!(names(ACME_KEY, path), ["acme", "acme~test"], "{path}");
        assert_eq!(names(support::OPERATOR_KEY, path), ["acme", "acme2", "acme~test", "other"]);
    }
    let acme = rig.get("/api/v1/overview", &[("x-api-key", ACME_KEY)]).json();
    assert_eq!(acme["counters"]["dead_letters"], 0);
    assert_eq!(acme["unattributed_dead_letters"], json!(null));
    check(&rig, "/api/v1/overview", "/counters/dead_letters", json!(2));
    check(&rig, "/api/v1/overview", "/unattributed_dead_letters/total", json!(1));
    check(&rig, "/api/v1/projects", "/projects/2/livemode", json!(false));
}

#[test]
fn counters_and_dead_letters() {
    let rig = Rig::start();
    let counters = Counters { accepted: 7, duplicates: 2 };
    rig.books.set_counters(BTreeMap::from([("acme".to_owned(), counters)]));
    for _ in 0..60 {
        dead_letter(&rig, &[("daybook-project", "acme"), ("daybook-reason", "amount_missing")]);
    }
    // A sender's own headers come first, and are believed where ours don't follow.
    dead_letter(
        &rig,
        &[
            ("daybook-reason", "<b>made up</b>"),
            ("daybook-project", "acme"),
            ("daybook-reason", "excess_precision"),
            ("daybook-path", "track[0].payload[2].data.amount"),
            ("daybook-time", "2026-03-14T09:00:00Z"),
            ("__streams.errors.topic", "charges"),
            ("__streams.errors.partition", "3"),
            ("__streams.errors.offset", "17"),
        ],
    );
    dead_letter(&rig, &[("daybook-project", "not/a/name"), ("daybook-reason", "<b>")]);
    let path = "/api/v1/projects/acme/overview";
    check(&rig, path, "/counters", json!({"accepted": 7, "duplicates": 2, "entries": 0, "dead_letters": 61}));
    check(
        &rig,
        path,
        "/dead_letters/by_reason",
        json!([{"reason": "amount_missing", "count": 60}, {"reason": "excess_precision", "count": 1}]),
    );
    check(
        &rig,
        path,
        "/dead_letters/latest/0",
        json!({"reason": "excess_precision", "path": "track[0].payload[2].data.amount",
            "time": "2026-03-14T09:00:00Z", "topic": "charges", "partition": "3", "offset": "17"}),
    );
    assert_eq!(rig.query(path).json()["dead_letters"]["latest"].as_array().unwrap().len(), 50);
    check(&rig, "/api/v1/overview", "/unattributed_dead_letters/by_reason/0/reason", json!("other"));
}

#[test]
fn points_of_a_user() {
    let rig = Rig::start();
    let row = |pending: i64| {
        json!({"project_id": "acme", "user_id": "ann@example.com",
        "pending_points": pending, "available_points": -3, "journal_sequence": 2})
    };
    rig.apply("rewards.balances", "acme/ann@example.com", &row(5));
    rig.apply("rewards.balances", "acme/ann@example.com", &row(24));
    let path = "/api/v1/projects/acme/points/ann@example.com";
    check(&rig, path, "/pending_points", json!(24));
    check(&rig, path, "/available_points", json!(-3));
}

#[test]
fn what_cannot_be_read_is_counted_and_does_no_harm() {
    let rig = Rig::start();
    rig.apply("ledger.entries", "acme", &entry("acme", 1));
    for value in ["", "null", "{", "[]", "{\"entry_number\": -1}", "\u{1}"] {
        for topic in ["ledger.entries", "accounts.balances", "never.heard.of"] {
            rig.books.apply(OutputRecord { topic, key: b"", value: value.as_bytes(), headers: &[] });
        }
    }
    let text = rig.query("/metrics").body;
    assert!(text.contains("daybook_query_malformed_total{topic=\"ledger.entries\"} 6"), "{text}");
    assert!(text.contains("daybook_query_malformed_total{topic=\"accounts.balances\"} 6"), "{text}");
    let path = "/api/v1/projects/acme/entries";
    check(&rig, path, "/entry_count", json!(1));
    check(&rig, path, "/entries/0/postings/0/amount_minor", json!(999_999_999_999_999_u64));
    check(&rig, path, "/entries/0/postings/0/amount", json!("9999999999999.99"));
}
