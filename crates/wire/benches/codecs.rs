//! What reading and writing one record costs.
//!
//! `cargo bench -p daybook-wire`

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that can't be set up fails")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use daybook_core::event::{Body, JournalRecord, SourcePosition};
use daybook_core::project::apply;
use daybook_core::state::{NoStore, State};
use daybook_wire::{input, journal, output};

const TRACK: &[u8] = br#"{"track":[{"name":"Charge","payload":[{"eventId":"7f9c1f1e-93d5-4b7e-9f6c-3f2f5a6f0c11","userId":"user@example.com","data":{"amount":271.28,"currency":"USD","status":"succeeded","chargeId":"ch_3PqL2s","orderId":"ORD-45678","provider":"stripe","fee":"8.17","occurredAt":"2026-01-20T23:12:34.567Z"}}]}]}"#;

fn codecs(c: &mut Criterion) {
    let event = input::decode(TRACK, input::Context::default()).remove(0).event.unwrap();
    let record = JournalRecord {
        project: "acme".into(),
        recorded_at_ms: 1_768_950_755_000,
        source_timestamp_ms: Some(1_768_950_754_900),
        source: Some(SourcePosition { topic: "charges".into(), partition: 3, offset: 4_711, item: 0 }),
        body: Body::Charge(Box::new(event)),
    };
    let Ok(effects) = apply(&mut State::new(NoStore), &record);
    let (entry, points) = (&effects.entries[0], &effects.points[0]);
    let mut bytes = Vec::new();
    journal::encode(&record, &mut bytes);
    let mut json = String::new();
    output::entry(entry, &[0; 32], &mut json);

    let mut group = c.benchmark_group("codecs");
    group.throughput(Throughput::Bytes(TRACK.len() as u64));
    group.bench_function("track_decode", |b| {
        b.iter(|| input::decode(black_box(TRACK), input::Context::default()))
    });
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("journal_encode", |b| {
        let mut out = Vec::with_capacity(1_024);
        b.iter(|| {
            out.clear();
            journal::encode(black_box(&record), &mut out);
            out.len()
        });
    });
    group.bench_function("journal_decode", |b| b.iter(|| journal::decode(black_box(&bytes)).unwrap()));
    group.throughput(Throughput::Bytes(json.len() as u64));
    group.bench_function("entry_json", |b| {
        let mut out = String::with_capacity(2_048);
        b.iter(|| {
            out.clear();
            output::entry(black_box(entry), &[7; 32], &mut out);
            out.len()
        });
    });
    group.bench_function("entry_sha256", |b| b.iter(|| output::hash(black_box(json.as_bytes()))));
    group.throughput(Throughput::Elements(1));
    group.bench_function("points_json", |b| {
        let mut out = String::with_capacity(1_024);
        b.iter(|| {
            out.clear();
            output::points(black_box(points), &mut out);
            out.len()
        });
    });
    group.finish();
}

criterion_group!(benches, codecs);
criterion_main!(benches);
