//! The simulated payment backends against the model: what they send has the meaning that they
//! intend, and the model's totals hold together.

use std::collections::{BTreeMap, BTreeSet};

use daybook_sim::model::{Input, Totals, expected};
use daybook_workload::{Options, Record, Workload};

fn totals<'a>(records: impl IntoIterator<Item = &'a Record>) -> Totals {
    expected(records.into_iter().map(|record| Input {
        project: &record.project,
        value: &record.value,
        timestamp_ms: record.timestamp_ms,
    }))
}

#[test]
fn every_record_is_good_or_bad_as_intended() {
    let workload = Workload::new(Options { bad_percent: 20, ..Options::default() });
    let mut reasons = BTreeSet::new();
    for record in workload.records(0..20_000) {
        let found = totals([&record]).dead_letters;
        // A conflict is one only beside the record that it contradicts.
        let intended = workload.fault(record.index).filter(|reason| *reason != "event_id_conflict");
        let found: Vec<&str> = found.keys().map(String::as_str).collect();
        let value = String::from_utf8_lossy(&record.value);
        assert_eq!(found, Vec::from_iter(intended), "{}: {value}", record.index);
        reasons.extend(intended);
    }
    assert!(reasons.len() > 15, "{reasons:?}");
}

#[test]
fn duplicates_and_conflicts_are_what_they_seem() {
    let workload = Workload::new(Options { items_max: 1, ..Options::default() });
    let count = 30_000;
    let records: Vec<Record> = workload.records(0..count).collect();
    let totals = totals(&records);
    let mut bad = BTreeMap::<String, u64>::new();
    for reason in (0..count).filter_map(|index| workload.fault(index)) {
        *bad.entry(reason.to_owned()).or_default() += 1;
    }
    // With one item per envelope, a record is an event or a dead letter.
    assert_eq!(totals.dead_letters, bad);
    let refused = bad.values().sum::<u64>();
    assert_eq!(totals.accepted + totals.duplicates + refused, count);
    let percent = totals.duplicates * 100 / count;
    assert!((4..=6).contains(&percent), "{percent}");
}

#[test]
fn the_books_balance_and_agree_with_the_days() {
    let records: Vec<Record> = Workload::new(Options::default()).records(0..30_000).collect();
    let totals = totals(&records);
    let mut by_currency = BTreeMap::<&str, i128>::new();
    let mut by_account = BTreeMap::<(&str, &str, bool, &str), i128>::new();
    for ((project, organization, account, currency), balance) in &totals.balances {
        *by_currency.entry(currency).or_default() += balance;
        let own = organization == project;
        *by_account.entry((project, account, own, currency)).or_default() += balance;
    }
    assert!(by_currency.values().all(|sum| *sum == 0));
    let mut by_day = BTreeMap::<(&str, &str, bool, &str), i128>::new();
    for ((project, _, currency), daily) in &totals.daily {
        for (account, own, figure) in [
            ("Assets", true, daily.net_revenue_minor),
            ("Income", true, -daily.gross_sales_minor),
            ("Income", false, daily.platform_fees_minor),
            ("Refund", false, daily.refunds_minor),
        ] {
            *by_day.entry((project, account, own, currency)).or_default() += figure;
        }
    }
    by_account.retain(|_, sum| *sum != 0);
    by_day.retain(|_, sum| *sum != 0);
    assert_eq!(by_account, by_day);
    let projects: BTreeSet<&str> = by_day.keys().map(|key| key.0).collect();
    assert_eq!(projects.len(), 6, "live and test books of three projects");
    let currencies: Vec<&str> = by_currency.into_keys().collect();
    assert_eq!(currencies, ["EUR", "JPY", "KWD", "USD"]);
}

#[test]
fn the_order_of_arrival_makes_no_difference() {
    let workload = Workload::new(Options { bad_percent: 0, ..Options::default() });
    let mut records: Vec<Record> = workload.records(0..20_000).collect();
    // An event that doesn't say when it happened is dated by the record that comes first.
    records.retain(|record| {
        let value = String::from_utf8_lossy(&record.value);
        value.matches("occurredAt").count() == value.matches("eventId").count()
    });
    let forward = totals(&records);
    assert_eq!(forward, totals(records.iter().rev()));
    assert!(forward.accepted > 18_000 && forward.duplicates > 500);
}
