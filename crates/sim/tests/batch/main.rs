//! The projector against the batch model, over random journals: all figures must be the same to the cent and to the
//! day. Where they are not, the journal is reduced to the records that it takes.

// How much was compared belongs to the answer.
#![allow(clippy::print_stderr)]

mod core;
mod difference;

use std::time::Instant;

use daybook_core::event::JournalRecord;
use daybook_sim::batch::{Twist, twisted};
use daybook_sim::random::journal;

use crate::core::Run;
use difference::difference;

fn differs(records: &[JournalRecord], run: Run, twist: Option<Twist>) -> Option<Vec<String>> {
    let actual = core::books(records, run);
    let expected = twisted(records, twist);
    difference(&actual, &expected, run)
}

/// Removes records for as long as something differs.
fn reduce(mut records: Vec<JournalRecord>, run: Run) -> Vec<JournalRecord> {
    let mut size = records.len() / 2;
    while size > 0 {
        let mut from = 0;
        while from < records.len() {
            let mut fewer = records.clone();
            fewer.drain(from..fewer.len().min(from + size));
            if is_possible(&fewer) && differs(&fewer, run, None).is_some() {
                records = fewer;
            } else {
                from += size;
            }
        }
        size /= 2;
    }
    records
}

/// Whether intake could have appended it: a position that goes back is one that was there before.
fn is_possible(records: &[JournalRecord]) -> bool {
    let positions: Vec<_> = records.iter().filter_map(|r| Some((&r.project, r.source.as_ref()?))).collect();
    positions.iter().enumerate().all(|(i, (project, new))| {
        let before =
            || positions[..i].iter().filter(|(p, old)| p == project && old.partition == new.partition);
        before().all(|(_, old)| old < new) || before().any(|(_, old)| old == new)
    })
}

/// Runs a journal of that seed through both, and fails with the least that differs.
fn check(seed: u64, length: usize, run: Run) {
    let records = journal(seed, length);
    if differs(&records, run, None).is_none() {
        return;
    }
    let records = reduce(records, run);
    let differences = differs(&records, run, None).unwrap_or_default();
    let journal: Vec<String> = records.iter().enumerate().map(difference::record_text).collect();
    panic!(
        "seed {seed}, {length} records, {run:?}\n\njournal\n{}\n\nprojector, model\n{}",
        journal.join("\n"),
        differences.join("\n")
    );
}

fn run_of(seed: u64) -> Run {
    match seed % 4 {
        0 => Run::Batches(1),
        1 => Run::Batches(7),
        2 => Run::Volatile,
        _ => Run::Whole,
    }
}

/// So many journals from a first seed on, so many records each.
fn check_many(first: u64, count: u64, length: usize) {
    let begun = Instant::now();
    for seed in first..first + count {
        check(seed, length, run_of(seed));
    }
    let records = count * length as u64;
    eprintln!("{records} records in {count} journals from seed {first} on, {:?}", begun.elapsed());
}

#[test]
fn short_journals() {
    check_many(1, 5_000, 20);
    check_many(100_000, 9_000, 100);
}

#[test]
fn longer_journals() {
    check_many(200_000, 200, 1_000);
    check_many(300_000, 10, 10_000);
}

#[test]
fn a_changed_rule_is_noticed() {
    for twist in Twist::ALL {
        let noticed = (1..).take(400).find(|seed| {
            let records = journal(*seed, 100);
            differs(&records, run_of(*seed), Some(twist)).is_some()
        });
        assert!(noticed.is_some(), "{twist:?} is not noticed within 40,000 records");
        eprintln!("{twist:?} is noticed within {} records", 100 * noticed.unwrap_or(0));
    }
}

/// For a long run: `DAYBOOK_SIM_SEED=7000000 DAYBOOK_SIM_JOURNALS=100000 cargo test -p daybook-sim --test batch -- --ignored`.
#[test]
#[ignore = "as long as one likes"]
fn journals_from_a_seed_on() {
    let given = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    check_many(
        given("DAYBOOK_SIM_SEED").unwrap_or(7_000_000),
        given("DAYBOOK_SIM_JOURNALS").unwrap_or(10_000),
        100,
    );
}
