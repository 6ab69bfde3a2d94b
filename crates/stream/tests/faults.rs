//! Intake and projector under faults at every commit: aborts, lost and unknown outcomes, crashes between publishing
//! and merging state, lost state, and an intake that appends twice. One scheduler drives all; a seed is a run.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use daybook_stream::batch::Outputs;
use daybook_stream::clock::ManualClock;
use daybook_stream::decoder::{IntakeSettings, PROJECT_HEADER};
use daybook_stream::intake::Intake;
use daybook_stream::local::{LocalLog, LocalStage};
use daybook_stream::log::{LogError, Position, Stage, StateChanges, Transaction};
use daybook_stream::memory::{Fault, MemoryLog};
use daybook_stream::projection::Projection;
use daybook_stream::projector::{Projector, ProjectorError};
use daybook_stream::record::Record;
use daybook_wire::journal;
use daybook_wire::topic::Topic;
use daybook_workload::{Options, Workload};

/// Records that a run feeds.
const RECORDS: u64 = 3_000;

/// A small generator of pseudo-random numbers (xorshift64*), so that a run is its seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % n
    }
}

fn feed(log: &MemoryLog, records: std::ops::Range<u64>) {
    let workload = Workload::new(Options::default());
    let appends = workload.records(records).map(|r| {
        let headers = vec![(PROJECT_HEADER.to_owned(), r.project.into_bytes())];
        let record =
            Record { key: r.key.into_bytes(), value: r.value, headers, timestamp_ms: Some(r.timestamp_ms) };
        (Topic::Charges, record)
    });
    log.commit(Stage::Intake, Transaction::appending(appends.collect())).unwrap();
}

fn clock() -> ManualClock {
    let clock = ManualClock::default();
    clock.set(Options::default().start_ms + 86_400_000);
    clock
}

fn intake(log: &MemoryLog) -> Intake<LocalStage<MemoryLog>, ManualClock> {
    Intake::new(LocalStage::new(log.clone(), Stage::Intake), clock(), IntakeSettings::default())
}

fn projector(log: &MemoryLog) -> Projector<LocalStage<MemoryLog>> {
    Projector::new(LocalStage::new(log.clone(), Stage::Projector), &Topic::PROJECTED)
}

/// The first step of a projector, which looks at what the log keeps.
fn first_step(log: &MemoryLog) -> Result<usize, ProjectorError> {
    projector(log).step(Duration::ZERO)
}

/// A run under faults drawn by `seed`. Whoever fails is dropped and opened again, as after a crash.
fn run(seed: u64) -> MemoryLog {
    let log = MemoryLog::default();
    let mut dice = Dice(seed | 1);
    let (mut taker, mut publisher) = (intake(&log), projector(&log));
    let mut fed = 0;
    let mut idle = 0;
    while idle < 4 {
        if fed < RECORDS && dice.below(3) == 0 {
            let more = (1 + dice.below(400)).min(RECORDS - fed);
            feed(&log, fed..fed + more);
            fed += more;
        }
        let fault = match dice.below(8) {
            0 => Fault::Abort,
            1 => Fault::LostUnknown,
            2 => Fault::WrittenUnknown,
            3 => Fault::AppendedUnknown,
            _ => Fault::None,
        };
        let took = if dice.below(2) == 0 {
            log.fail([fault]);
            taker.step(Duration::ZERO).map_err(|e| {
                assert!(e.is_recoverable(), "{e}");
                taker = intake(&log);
            })
        } else {
            // The projector's transaction covers its position: it is never appended without it.
            log.fail([if fault == Fault::AppendedUnknown { Fault::Abort } else { fault }]);
            if dice.below(50) == 0 {
                log.lose_state();
                log.clear_faults();
                publisher = projector(&log);
            }
            publisher.step(Duration::ZERO).map_err(|e| {
                assert!(matches!(&e, ProjectorError::Log(e) if e.is_recoverable()), "{e}");
                log.clear_faults();
                publisher = projector(&log);
            })
        };
        log.clear_faults();
        idle = if took == Ok(0) && fed == RECORDS { idle + 1 } else { 0 };
    }
    // The scheduler may have been idle on one side only.
    while taker.step(Duration::ZERO).unwrap() + publisher.step(Duration::ZERO).unwrap() > 0 {}
    log
}

/// What a replay of the log's journal gives: entries and points in order, the last row of each key.
#[derive(Default, PartialEq, Debug)]
struct Books {
    records: BTreeMap<Topic, Vec<Vec<u8>>>,
    rows: BTreeMap<(Topic, Vec<u8>), Vec<u8>>,
}

impl Outputs for Books {
    fn put(&mut self, topic: Topic, key: &str, value: &[u8], _: Vec<(String, Vec<u8>)>, _: Option<i64>) {
        if topic.is_compacted() {
            self.rows.insert((topic, key.into()), value.to_vec());
        } else if Topic::PROJECTED.contains(&topic) || topic == Topic::ChargesDlq {
            self.records.entry(topic).or_default().push(value.to_vec());
        }
    }
}

fn replayed(log: &MemoryLog) -> Books {
    let mut books = Books::default();
    let mut projection = Projection::volatile();
    for record in log.all(Topic::Journal) {
        let Ok::<(), Infallible>(()) = projection.apply(&journal::decode(&record.value).unwrap(), &mut books);
    }
    projection.rows(&mut books);
    books
}

fn published(log: &MemoryLog) -> Books {
    let mut books = Books::default();
    for topic in Topic::PROJECTED {
        for record in log.all(topic) {
            books.put(topic, std::str::from_utf8(&record.key).unwrap(), &record.value, Vec::new(), None);
        }
    }
    // Of the dead letters, those that the projector wrote: intake's are not made from the journal.
    for record in log.all(Topic::ChargesDlq) {
        if record.header(daybook_wire::dead_letter::CANONICAL).is_some() {
            books.put(Topic::ChargesDlq, "", &record.value, Vec::new(), None);
        }
    }
    books
}

/// What can't depend on how often intake appended a record: the figures of every row.
fn figures(books: &Books) -> BTreeMap<(Topic, Vec<u8>), serde_json::Value> {
    let strip = |value: &Vec<u8>| {
        let mut value: serde_json::Value = serde_json::from_slice(value).unwrap();
        value.as_object_mut().unwrap().remove("journal_sequence");
        value
    };
    books.rows.iter().map(|(key, value)| (key.clone(), strip(value))).collect()
}

fn check(log: &MemoryLog) -> Result<(), String> {
    let (published, replayed) = (published(log), replayed(log));
    if published != replayed {
        return Err("what is published is not what the journal says".to_owned());
    }
    let calm = MemoryLog::default();
    feed(&calm, 0..RECORDS);
    let (mut taker, mut publisher) = (intake(&calm), projector(&calm));
    while taker.step(Duration::ZERO).unwrap() + publisher.step(Duration::ZERO).unwrap() > 0 {}
    if figures(&published) != figures(&self::published(&calm)) {
        return Err("the figures are not those of a run without faults".to_owned());
    }
    Ok(())
}

#[test]
fn faults_change_nothing() {
    for seed in 1..=12 {
        check(&run(seed)).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
    }
}

#[test]
fn an_intake_that_appends_twice_is_noticed_by_the_projector() {
    let log = run(3);
    let journalled = log.all(Topic::Journal).len();
    let distinct: std::collections::BTreeSet<_> =
        log.all(Topic::Journal).iter().filter_map(|r| journal::decode(&r.value).unwrap().source).collect();
    assert!(journalled > distinct.len(), "the run must hold what it is about");
}

#[test]
fn state_ahead_of_what_is_published_is_refused() {
    let log = MemoryLog::default();
    feed(&log, 0..10);
    intake(&log).step(Duration::ZERO).unwrap();
    let state = vec![StateChanges { partition: 0, changes: Vec::new(), position: 5 }];
    log.commit(Stage::Projector, Transaction { state, ..Transaction::default() }).unwrap();
    assert!(matches!(
        first_step(&log),
        Err(ProjectorError::StateAhead { partition: 0, state: 5, published: 0 })
    ));
}

fn commit_position(log: &MemoryLog, stage: Stage, topic: Topic, offset: u64) {
    let positions = vec![Position { topic, partition: 0, offset }];
    log.commit(stage, Transaction { positions, ..Transaction::default() }).unwrap();
}

#[test]
fn a_journal_that_has_lost_records_is_refused() {
    let log = MemoryLog::default();
    commit_position(&log, Stage::Projector, Topic::Journal, 7);
    assert!(matches!(
        first_step(&log),
        Err(ProjectorError::JournalLost { partition: 0, published: 7, end: 0 })
    ));
}

#[test]
fn outputs_without_a_position_are_refused() {
    let log = MemoryLog::default();
    let entry = Transaction::appending(vec![(Topic::LedgerEntries, Record::default())]);
    log.commit(Stage::Projector, entry).unwrap();
    assert!(matches!(first_step(&log), Err(ProjectorError::PositionsLost)));
}

#[test]
fn an_intake_beyond_the_end_of_its_topic_is_refused() {
    let log = MemoryLog::default();
    commit_position(&log, Stage::Intake, Topic::Charges, 1);
    assert!(matches!(intake(&log).step(Duration::ZERO), Err(LogError::Failed(_))));
}

#[test]
fn the_dead_letters_of_one_record_do_not_repeat_it_without_bound() {
    let log = MemoryLog::default();
    let item = format!(r#"{{"eventId":"{}"}}"#, "x".repeat(900));
    let value = format!(r#"{{"track":[{{"name":"Charge","payload":[{}]}}]}}"#, vec![item; 900].join(","));
    let record = Record { value: value.clone().into(), ..Record::default() };
    log.commit(Stage::Intake, Transaction::appending(vec![(Topic::Charges, record)])).unwrap();
    let mut intake = intake(&log);
    while intake.step(Duration::ZERO).unwrap() > 0 {}
    let letters = log.all(Topic::ChargesDlq);
    assert_eq!(letters.len(), 900);
    let whole = letters.iter().filter(|l| l.value == value.as_bytes()).count();
    let repeats = letters.iter().filter(|l| l.header(daybook_wire::dead_letter::REPEATS).is_some());
    assert!(repeats.clone().all(|l| l.value.is_empty()));
    assert_eq!((whole, repeats.count()), (2, 898), "two of 0.8 MiB fit into 2 MiB");
}

/// Each of these breaks the product on purpose; the checks above have to see it. Run with
/// `cargo test -p daybook-stream --features negative-controls`.
#[cfg(feature = "negative-controls")]
mod negative_controls {
    use daybook_core::state::Controls;

    use super::*;

    fn run_broken(controls: Controls) -> MemoryLog {
        let log = MemoryLog::default();
        feed(&log, 0..RECORDS);
        // The first batch is appended twice.
        log.fail([Fault::AppendedUnknown]);
        assert!(intake(&log).step(Duration::ZERO).is_err());
        let mut taker = intake(&log);
        let mut publisher = projector(&log);
        publisher.set_controls(controls);
        while taker.step(Duration::ZERO).unwrap() + publisher.step(Duration::ZERO).unwrap() > 0 {}
        log
    }

    #[test]
    fn unbroken_passes() {
        check(&run_broken(Controls::default())).unwrap();
    }

    #[test]
    fn without_source_positions_what_intake_appended_twice_is_refused_twice() {
        // Deduplication by identity hides the repeats of good events; those of refused ones show.
        let log = run_broken(Controls { no_source_positions: true, ..Controls::default() });
        assert!(check(&log).is_err());
    }

    #[test]
    fn without_dedupe_the_figures_are_wrong() {
        assert!(check(&run_broken(Controls { no_dedupe: true, ..Controls::default() })).is_err());
    }
}
