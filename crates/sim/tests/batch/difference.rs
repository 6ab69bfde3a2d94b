//! What differs between two results, and journals as text.

use std::collections::BTreeMap;
use std::fmt::Debug;

use daybook_core::event::{Body, JournalRecord};
use daybook_sim::batch::Ending;
use daybook_sim::batch::figures::{Books, Event, EventKey};

use crate::core::Run;

/// Every figure that differs; `None`: all are the same.
pub fn difference(actual: &Ending, expected: &Ending, run: Run) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for (number, (actual, expected)) in actual.outcomes.iter().zip(&expected.outcomes).enumerate() {
        if actual != expected {
            found.push(format!("outcome of {number}: {actual:?}, {expected:?}"));
        }
    }
    let projects: Vec<_> = actual.books.keys().chain(expected.books.keys()).collect();
    let empty = Books::default();
    for (number, project) in projects.iter().enumerate() {
        if projects[..number].contains(project) {
            continue;
        }
        let mut of = |table: &str, rows: Vec<String>| {
            found.extend(rows.into_iter().map(|row| format!("{project} {table} {row}")));
        };
        let a = actual.books.get(*project).unwrap_or(&empty);
        let e = expected.books.get(*project).unwrap_or(&empty);
        of("balances", rows(&a.balances, &e.balances));
        of("moved", rows(&a.moved, &e.moved));
        of("points", rows(&a.points, &e.points));
        of("revenue", rows(&a.revenue, &e.revenue));
        of("spend", rows(&a.spend, &e.spend));
        of("profit", rows(&a.profit, &e.profit));
        of("months", rows(&a.months, &e.months));
        of("owner_profit", rows(&a.owner_profit, &e.owner_profit));
        of("kpis", rows(&a.kpis, &e.kpis));
        of("allocations", rows(&a.allocations, &e.allocations));
        of("customers", rows(&a.customers, &e.customers));
        if a.counts != e.counts {
            of("counts", vec![format!("{:?}, {:?}", a.counts, e.counts)]);
        }
        of("events", rows(&comparable(&a.events, &e.events, run), &comparable(&e.events, &e.events, run)));
    }
    (!found.is_empty()).then_some(found)
}

/// State and flags only where the projector still has the charge; a clearing that was taken back is none.
fn comparable(
    events: &BTreeMap<EventKey, Event>,
    expected: &BTreeMap<EventKey, Event>,
    run: Run,
) -> BTreeMap<EventKey, Event> {
    let mut events = events.clone();
    events.retain(|key, event| !key.1 || !event.postings.is_empty());
    for (key, event) in &mut events {
        let known = expected.get(key).is_some_and(|e| e.live && !e.charge_state.is_empty());
        if !known || !matches!(run, Run::Whole) {
            *event = Event { postings: std::mem::take(&mut event.postings), ..Event::default() };
        }
    }
    events
}

fn rows<K: Ord + Debug, V: PartialEq + Debug>(
    actual: &BTreeMap<K, V>,
    expected: &BTreeMap<K, V>,
) -> Vec<String> {
    let keys = actual.keys().chain(expected.keys().filter(|key| !actual.contains_key(key)));
    let differing = keys.filter(|key| actual.get(key) != expected.get(key));
    differing.map(|key| format!("{key:?}: {:?}, {:?}", actual.get(key), expected.get(key))).collect()
}

/// A record in one line, without what is absent.
pub fn record_text((number, record): (usize, &JournalRecord)) -> String {
    let body = match &record.body {
        Body::Charge(event) => format!("{event:?}"),
        Body::Spend(event) => format!("{event:?}"),
        Body::Settings(settings) => format!("{settings:?}"),
        Body::Tick => "Tick".to_owned(),
    };
    let mut body = body;
    for field in body.clone().split(", ") {
        if field.ends_with(": None") || field.ends_with(": false") {
            body = body.replacen(&format!("{field}, "), "", 1);
        }
    }
    let JournalRecord { project, recorded_at_ms, source_timestamp_ms, source, .. } = record;
    let source = source.as_ref().map(|s| (s.partition, s.offset, s.item));
    format!("{number} {project} recorded {recorded_at_ms} of {source_timestamp_ms:?} at {source:?}: {body}")
}
