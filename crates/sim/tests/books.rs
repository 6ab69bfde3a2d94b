//! The real codecs and the real projector against the model, which shares no code with them: what a workload ends in
//! must be the same to the cent.

use std::collections::BTreeMap;
use std::sync::Arc;

use daybook_core::event::{Body, JournalRecord, SourcePosition};
use daybook_core::name::{Name, TEST_SUFFIX};
use daybook_core::project::{Disposition, apply};
use daybook_core::state::{DayView, NoStore, Row, State};
use daybook_sim::model::{Daily, Input, Totals, expected};
use daybook_wire::input::{Context, decode};
use daybook_workload::{Options, Record, Workload};

/// Intake and projector with nothing around them: no topics, no batches, no crashes.
fn actual<'a>(records: impl Iterator<Item = &'a Record>) -> Totals {
    let mut totals = Totals::default();
    let mut state = State::new(NoStore);
    let topic: Name = "charges".into();
    for (offset, record) in records.enumerate() {
        for (item, read) in decode(&record.value, Context::default()).into_iter().enumerate() {
            let refused = match read.event {
                Err(rejection) => Some(rejection.reason),
                Ok(event) => {
                    let suffix = if event.livemode { "" } else { TEST_SUFFIX };
                    let journalled = JournalRecord {
                        project: Arc::from(format!("{}{suffix}", record.project)),
                        recorded_at_ms: record.timestamp_ms,
                        source_timestamp_ms: Some(record.timestamp_ms),
                        source: Some(SourcePosition {
                            topic: Arc::clone(&topic),
                            partition: 0,
                            offset: offset as u64,
                            item: u32::try_from(item).unwrap_or(u32::MAX),
                        }),
                        body: Body::Charge(Box::new(event)),
                    };
                    let Ok(effects) = apply(&mut state, &journalled);
                    match effects.disposition {
                        Disposition::Accepted => totals.accepted += 1,
                        Disposition::Duplicate => totals.duplicates += 1,
                        Disposition::Refused(rejection) => {
                            *totals.dead_letters.entry(rejection.reason.code().to_owned()).or_default() += 1;
                        }
                        other => panic!("{other:?} of {journalled:?}"),
                    }
                    None
                }
            };
            if let Some(reason) = refused {
                *totals.dead_letters.entry(reason.code().to_owned()).or_default() += 1;
            }
        }
    }
    rows(&state, &mut totals);
    totals
}

fn rows(state: &State<NoStore>, totals: &mut Totals) {
    let count = |count: i64| u64::try_from(count).unwrap_or(u64::MAX);
    for (project, row) in state.rows(&BTreeMap::new()) {
        let project = project.to_string();
        match row {
            Row::Day { view: DayView::Revenue, day, currency, row } => {
                let columns = &row.columns;
                let daily = Daily {
                    gross_sales_minor: columns.gross_sales_minor,
                    refunds_minor: columns.refunds_minor,
                    chargebacks_minor: columns.chargebacks_minor,
                    gross_revenue_minor: columns.gross_revenue_minor(),
                    platform_fees_minor: columns.platform_fees_minor,
                    net_revenue_minor: columns.net_revenue_minor(),
                    transaction_count: count(columns.transaction_count),
                    refund_count: count(columns.refund_count),
                };
                if daily != Daily::default() {
                    totals.daily.insert((project, day.to_string(), currency.to_string()), daily);
                }
            }
            Row::Balance { organization, balance } if balance.balance_minor != 0 => {
                let (account, currency) = (balance.account.name(), balance.currency.to_string());
                let key = (project, organization.to_string(), account, currency);
                totals.balances.insert(key, balance.balance_minor);
            }
            Row::Points { user, balance } if !balance.points.is_zero() => {
                assert_eq!(balance.points.pending, 0, "a Track envelope holds nothing open");
                totals.points.insert((project, user.to_string()), balance.points.available);
            }
            _ => {}
        }
    }
}

/// Compares table by table, and says the first difference of each.
fn check(records: &[Record]) {
    let model = expected(records.iter().map(|record| Input {
        project: &record.project,
        value: &record.value,
        timestamp_ms: record.timestamp_ms,
    }));
    let actual = actual(records.iter());
    if actual.dead_letters != model.dead_letters {
        disagreement(records);
    }
    assert_eq!(actual.dead_letters, model.dead_letters, "dead letters");
    let counts = |totals: &Totals| (totals.accepted, totals.duplicates);
    assert_eq!(counts(&actual), counts(&model), "accepted, duplicates");
    same("daily", &actual.daily, &model.daily);
    same("points", &actual.points, &model.points);
    same("balances", &actual.balances, &model.balances);
}

/// Fails with the first record that is read in two ways.
fn disagreement(records: &[Record]) {
    for record in records {
        let input =
            Input { project: &record.project, value: &record.value, timestamp_ms: record.timestamp_ms };
        let model = expected(std::iter::once(input)).dead_letters;
        let actual = actual(std::iter::once(record)).dead_letters;
        assert_eq!(actual, model, "{}: {}", record.index, String::from_utf8_lossy(&record.value));
    }
}

fn same<K, V>(table: &str, actual: &BTreeMap<K, V>, model: &BTreeMap<K, V>)
where
    K: Ord + std::fmt::Debug,
    V: PartialEq + std::fmt::Debug,
{
    for (key, value) in model {
        assert_eq!(actual.get(key), Some(value), "{table} {key:?}");
    }
    assert_eq!(actual.keys().find(|key| !model.contains_key(key)), None, "{table}");
}

fn records(options: Options, count: u64) -> Vec<Record> {
    Workload::new(options).records(0..count).collect()
}

#[test]
fn a_workload_as_it_comes() {
    check(&records(Options::default(), 30_000));
}

#[test]
fn a_workload_of_few_users_and_many_faults() {
    let options = Options {
        seed: 7,
        users: 50,
        duplicates_percent: 15,
        refunds_percent: 25,
        late_percent: 20,
        bad_percent: 20,
        items_max: 6,
        ..Options::default()
    };
    check(&records(options, 15_000));
}

#[test]
fn a_workload_backwards() {
    // Record timestamps fall, so that only the first moves the journal's time; refunds come before their payments.
    let mut records = records(Options { seed: 3, ..Options::default() }, 15_000);
    records.reverse();
    check(&records);
}
