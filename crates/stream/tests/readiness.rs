//! What a projector tells of its readiness: not before its state is restored.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::sync::Mutex;
use std::sync::mpsc::channel;

use daybook_stream::clock::SystemClock;
use daybook_stream::decoder::{IntakeSettings, PROJECT_HEADER};
use daybook_stream::embedded::EmbeddedLog;
use daybook_stream::engine::{Ending, Observer, Running, Stop};
use daybook_stream::local::{LocalLog, LocalStage};
use daybook_stream::log::{Stage, Transaction};
use daybook_stream::metrics::Metrics;
use daybook_stream::record::Record;
use daybook_wire::topic::Topic;
use daybook_workload::{Options, Workload};
use prometheus::Registry;

/// More than two batches of the projector.
const RECORDS: u64 = 5_000;

#[derive(Default)]
struct Told(Mutex<Vec<bool>>);

impl Observer for Told {
    fn counted(&self, _: &mut dyn Iterator<Item = (&str, u64, u64)>) {}

    fn ready(&self, ready: bool) {
        self.0.lock().unwrap().push(ready);
    }
}

/// Runs both stages to the end of what there is; what the projector told.
fn run(log: &EmbeddedLog) -> Vec<bool> {
    let (stop, metrics) = (Stop::default(), Metrics::register(&Registry::new()).unwrap());
    stop.ask();
    let running = Running { stop: &stop, ending: Ending::Drains, metrics: &metrics };
    let (tick, ticks) = channel();
    let intake = || Ok(LocalStage::new(log.clone(), Stage::Intake));
    running.intake(intake, &SystemClock, &IntakeSettings::default(), &ticks).unwrap();
    let (told, projector) = (Told::default(), || Ok(LocalStage::new(log.clone(), Stage::Projector)));
    running.projector(projector, &Topic::PROJECTED, &SystemClock, &tick, &told).unwrap();
    told.0.into_inner().unwrap()
}

#[test]
fn a_projector_that_restores_its_state_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(folder.path()).unwrap();
    let workload = Workload::new(Options::default());
    let charges = workload.records(0..RECORDS).map(|record| {
        let headers = vec![(PROJECT_HEADER.to_owned(), record.project.into_bytes())];
        let timestamp_ms = Some(record.timestamp_ms);
        (Topic::Charges, Record { key: record.key.into(), value: record.value, headers, timestamp_ms })
    });
    log.commit(Stage::Intake, Transaction::appending(charges.collect())).unwrap();

    // There is nothing to restore: it is ready with its first batch.
    let told = run(&log);
    assert!(!told[0] && told[1..].iter().all(|ready| *ready) && told.len() > 1, "{told:?}");

    log.drop_state().unwrap();
    let told = run(&log);
    // Not when it is made, nor with the first batches of what is published already; then for good.
    assert!(told.iter().take_while(|ready| !**ready).count() >= 2, "{told:?}");
    assert!(told.is_sorted() && told.last() == Some(&true), "{told:?}");
}
