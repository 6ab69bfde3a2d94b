//! What reading and writing one record costs.
//!
//! `cargo bench -p daybook-wire`

#![allow(missing_docs, reason = "criterion's macros make undocumented functions")]
#![allow(clippy::unwrap_used, reason = "a benchmark that can't be set up fails")]

use std::hint::black_box;

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use daybook_core::event::{Body, JournalRecord, SourcePosition};
use daybook_core::project::apply;
use daybook_core::state::{NoStore, State};
use daybook_wire::avro::{self, Nulls};
use daybook_wire::output::Datum;
use daybook_wire::topic::Topic;
use daybook_wire::{input, journal, output, schemas};

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
    group.bench_function("entry_avro", |b| {
        let mut out = Datum::default();
        b.iter(|| {
            out.0.clear();
            output::entry(black_box(entry), &[7; 32], &mut out);
            out.0.len()
        });
    });
    avro_by_the_reference(&mut group, &json);
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

/// The same entry through the reference implementation's tree of values, and both ways back.
fn avro_by_the_reference(group: &mut BenchmarkGroup<'_, WallTime>, json: &str) {
    let text = schemas::outputs().find(|(topic, _)| *topic == Topic::LedgerEntries).unwrap().1;
    let (schema, own) = (apache_avro::Schema::parse_str(text).unwrap(), avro::Schema::parse(text).unwrap());
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    // Times are numbers to it.
    let value = apache_avro::types::Value::try_from(as_the_reference_takes_it(value)).unwrap();
    let value = value.resolve(&schema).unwrap();
    let writer = GenericDatumWriter::builder(&schema).build().unwrap();
    let datum = writer.write_value_to_vec(value.clone()).unwrap();
    group.bench_function("entry_avro_reference", |b| {
        // With the making of the values, as a producer has to.
        b.iter(|| writer.write_value_to_vec(black_box(&value).clone()).unwrap());
    });
    group.bench_function("avro_to_json", |b| b.iter(|| own.json_of(black_box(&datum), Nulls::Kept).unwrap()));
    let reader = GenericDatumReader::builder(&schema).build().unwrap();
    group.bench_function("avro_to_json_reference", |b| {
        b.iter(|| {
            let value = reader.read_value(&mut black_box(&datum[..])).unwrap();
            serde_json::Value::try_from(value).unwrap().to_string()
        });
    });
}

fn as_the_reference_takes_it(mut entry: serde_json::Value) -> serde_json::Value {
    for field in ["occurred_at", "recorded_at"] {
        let time = daybook_wire::time::parse_rfc3339(entry[field].as_str().unwrap()).unwrap();
        entry[field] = time.into();
    }
    entry
}

criterion_group!(benches, codecs);
criterion_main!(benches);
