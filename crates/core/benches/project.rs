//! What one event costs the projector, state warm and in memory.
//!
//! `cargo bench -p daybook-core`

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that can't be set up fails")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use daybook_core::event::{Body, ChargeEvent, JournalRecord, Kind};
use daybook_core::money::{Currency, parse_decimal};
use daybook_core::project::apply;
use daybook_core::state::{NoStore, State};

const START_MS: i64 = 1_767_225_600_000;
/// Charges that are in the books before anything is measured.
const WARM: u64 = 10_000;
/// Records per measured batch.
const BATCH: u64 = 1_000;

fn record(event: ChargeEvent) -> JournalRecord {
    JournalRecord {
        project: "acme".into(),
        recorded_at_ms: START_MS,
        source_timestamp_ms: Some(START_MS),
        source: None,
        body: Body::Charge(Box::new(event)),
    }
}

fn payment(charge: u64) -> JournalRecord {
    let mut event =
        ChargeEvent::new(format!("evt_{charge:08}"), Kind::Payment, format!("user{}", charge % 1_000));
    event.amount = Some(parse_decimal("119.50").unwrap());
    event.fee = Some(parse_decimal("3.77").unwrap());
    event.currency = Currency::parse("USD");
    event.charge_id = Some(format!("ch_{charge:08}").into());
    event.occurred_at_ms = Some(START_MS - 1_000);
    record(event)
}

fn refund(charge: u64) -> JournalRecord {
    let mut event =
        ChargeEvent::new(format!("ref_{charge:08}"), Kind::Refund, format!("user{}", charge % 1_000));
    event.amount = Some(parse_decimal("9.50").unwrap());
    event.currency = Currency::parse("USD");
    event.charge_id = Some(format!("ch_{charge:08}").into());
    event.occurred_at_ms = Some(START_MS);
    record(event)
}

/// Books with these records in them, nothing marked as changed.
fn books(records: impl Iterator<Item = JournalRecord>) -> State<NoStore> {
    let mut state = State::new(NoStore);
    play(&mut state, &(0..WARM).map(payment).chain(records).collect::<Vec<_>>());
    state.settle();
    state
}

fn play(state: &mut State<NoStore>, records: &[JournalRecord]) {
    for record in records {
        let Ok(effects) = apply(state, record);
        black_box(effects);
    }
}

fn project(c: &mut Criterion) {
    let mut group = c.benchmark_group("project");
    let new = WARM..WARM + BATCH;
    let payments: Vec<_> = new.clone().map(payment).collect();
    let refunds: Vec<_> = new.clone().map(refund).collect();
    let pairs: Vec<_> = new.clone().flat_map(|charge| [payment(charge), refund(charge)]).collect();
    let reversed: Vec<_> = new.clone().flat_map(|charge| [refund(charge), payment(charge)]).collect();
    let empty = || books(std::iter::empty());
    let paid = || books(new.clone().map(payment));

    let mut bench = |name: &str, records: &[JournalRecord], setup: &dyn Fn() -> State<NoStore>| {
        group.throughput(Throughput::Elements(records.len() as u64));
        group.bench_function(name, |b| {
            b.iter_batched_ref(setup, |state| play(state, records), BatchSize::LargeInput);
        });
    };
    bench("payment", &payments, &empty);
    bench("refund_of_a_payment_in_the_books", &refunds, &paid);
    bench("payment_then_refund", &pairs, &empty);
    bench("refund_then_payment", &reversed, &empty);
    bench("duplicate", &payments, &paid);
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = project
}
criterion_main!(benches);
