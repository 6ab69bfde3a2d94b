//! The embedded log under the contract of `Log`: atomic, ordered, compacted, one process at a time.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::path::Path;

use daybook_stream::embedded::{EmbeddedLog, OpenError};
use daybook_stream::local::LocalLog;
use daybook_stream::log::{Limit, Position, Stage, StateChanges, Transaction};
use daybook_stream::record::Record;
use daybook_wire::topic::Topic;

const ALL: Limit = Limit { records_max: 100, bytes_max: 1 << 20 };

fn record(key: &str, value: &str) -> Record {
    let headers = vec![("h".to_owned(), b"1".to_vec()), ("h".to_owned(), vec![0xff])];
    Record { key: key.into(), value: value.into(), headers, timestamp_ms: Some(-1) }
}

fn append(log: &EmbeddedLog, topic: Topic, records: &[(&str, &str)]) {
    let appends = records.iter().map(|(key, value)| (topic, record(key, value))).collect();
    log.commit(Stage::Intake, Transaction::appending(appends)).unwrap();
}

/// Offset and value of each record of a topic.
fn shown(log: &EmbeddedLog, topic: Topic, from: u64, limit: Limit) -> Vec<(u64, String)> {
    let fetched = log.read(topic, from, limit).unwrap();
    fetched.into_iter().map(|f| (f.offset, String::from_utf8(f.record.value).unwrap())).collect()
}

fn open(path: &Path) -> EmbeddedLog {
    EmbeddedLog::open(path).unwrap()
}

#[test]
fn records_come_back_in_order_and_whole_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    {
        let log = open(folder.path());
        append(&log, Topic::Charges, &[("a", "1"), ("a", "2")]);
        append(&log, Topic::Journal, &[("p", "x")]);
    }
    let log = open(folder.path());
    append(&log, Topic::Charges, &[("b", "3")]);
    let three = [(0, "1".to_owned()), (1, "2".to_owned()), (2, "3".to_owned())];
    assert_eq!(shown(&log, Topic::Charges, 0, ALL), three);
    assert_eq!(shown(&log, Topic::Charges, 1, Limit { records_max: 1, ..ALL }), three[1..2]);
    // The first record is given whatever its size.
    assert_eq!(shown(&log, Topic::Charges, 0, Limit { bytes_max: 0, ..ALL }), three[..1]);
    assert_eq!(shown(&log, Topic::Charges, 3, ALL), []);
    assert_eq!(log.end(Topic::Charges).unwrap(), 3);
    assert_eq!(log.read(Topic::Journal, 0, ALL).unwrap()[0].record, record("p", "x"));
}

#[test]
fn a_compacted_topic_keeps_the_last_record_of_each_key_at_its_offset() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    append(&log, Topic::RevenueDaily, &[("a", "1"), ("b", "2"), ("a", "3")]);
    append(&log, Topic::RevenueDaily, &[("b", "4"), ("c", "5")]);
    let left = [(2, "3".to_owned()), (3, "4".to_owned()), (4, "5".to_owned())];
    assert_eq!(shown(&log, Topic::RevenueDaily, 0, ALL), left);
    drop(log);
    assert_eq!(shown(&open(folder.path()), Topic::RevenueDaily, 0, ALL), left);
}

#[test]
fn positions_and_state_are_written_with_the_records() {
    let folder = tempfile::tempdir().unwrap();
    {
        let log = open(folder.path());
        assert_eq!(
            (log.position(Stage::Intake, Topic::Charges).unwrap(), log.state_position().unwrap()),
            (0, 0)
        );
        let changes = vec![(b"ka".to_vec(), Some(b"1".to_vec())), (b"kb".to_vec(), Some(b"2".to_vec()))];
        let transaction = Transaction {
            appends: vec![(Topic::LedgerEntries, record("p", "entry"))],
            positions: vec![Position { topic: Topic::Journal, partition: 0, offset: 9 }],
            state: vec![StateChanges { partition: 0, changes, position: 9 }],
        };
        log.commit(Stage::Projector, transaction).unwrap();
        let state = vec![StateChanges { partition: 0, changes: vec![(b"ka".to_vec(), None)], position: 10 }];
        log.commit(Stage::Projector, Transaction { state, ..Transaction::default() }).unwrap();
    }
    let log = open(folder.path());
    assert_eq!(log.position(Stage::Projector, Topic::Journal).unwrap(), 9);
    assert_eq!(log.state_position().unwrap(), 10);
    assert_eq!((log.state(b"ka").unwrap(), log.state(b"kb").unwrap()), (None, Some(b"2".to_vec())));
    assert_eq!(log.state_keys(b"k").unwrap(), [b"kb".to_vec()]);
    log.drop_state().unwrap();
    assert_eq!((log.state(b"kb").unwrap(), log.state_position().unwrap()), (None, 0));
}

#[test]
fn state_without_a_position_is_dropped_at_the_next_start() {
    // What a crash between dropping the position and dropping the values leaves.
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    {
        let db = fjall::Database::builder(folder.path()).open().unwrap();
        let state = db.keyspace("state", fjall::KeyspaceCreateOptions::default).unwrap();
        state.insert(b"k", b"1").unwrap();
    }
    assert_eq!(open(folder.path()).state(b"k").unwrap(), None);
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("letter.txt"), "hello").unwrap();
    assert!(matches!(EmbeddedLog::open_existing(folder.path()), Err(OpenError::Absent(_))));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_belongs_to_one_log_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path());
    assert!(matches!(EmbeddedLog::open(folder.path()), Err(OpenError::Locked(_))));
    drop(log);
    open(folder.path());
}

#[test]
fn a_folder_that_is_not_there_is_not_made_where_it_must_be() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("none");
    assert!(matches!(EmbeddedLog::open_existing(&absent), Err(OpenError::Absent(_))));
    assert!(!absent.exists());
}
