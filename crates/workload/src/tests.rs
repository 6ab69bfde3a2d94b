//! The workload's properties that others count on.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const DAY_MS: i64 = 86_400_000;

fn options() -> Options {
    Options::default()
}

#[test]
fn a_record_depends_on_options_and_index_alone() {
    let workload = Workload::new(options());
    let all: Vec<Record> = workload.records(0..2_000).collect();
    let again = Workload::new(options());
    for record in all.iter().rev() {
        assert_eq!(*record, again.record(record.index));
    }
    let other = Workload::new(Options { seed: 2, ..options() });
    assert_ne!(all[5].value, other.record(5).value);
}

/// A change here changes every figure measured with this workload.
#[test]
fn the_default_workload_stays_what_it_is() {
    let workload = Workload::new(options());
    let first = workload.record(0);
    assert_eq!(first.timestamp_ms, 1_767_225_600_000);
    assert_eq!(
        (first.project.as_str(), first.source.as_str(), first.key.as_str()),
        ("initech", "woocommerce", "user18498@example.com")
    );
    assert_eq!(
        String::from_utf8_lossy(&first.value),
        concat!(
            r#"{"track":[{"name":"Charge","payload":[{"#,
            r#""eventId":"d3f1317f-e66d-4f32-ae60-2e6dc84a95e1","userId":"user18498@example.com","#,
            r#""data":{"amount":98941,"status":"succeeded","currency":"JPY","fee":2899,"#,
            r#""chargeId":"ch_3fe35dfcc2d3d9ee","productId":"p3","provider":"stripe","#,
            r#""tier":"platinum","occurredAt":"2025-12-31T23:59:43.792Z"}}]}]}"#,
        )
    );
    // FNV-1a over the values that follow.
    let bytes = workload.records(1..1_000).flat_map(|record| record.value);
    let checksum = bytes
        .fold(0xCBF2_9CE4_8422_2325, |sum: u64, byte| (sum ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3));
    assert_eq!(checksum, 11_168_769_530_323_287_472);
}

#[test]
fn timestamps_grow_and_fields_are_filled() {
    let options = options();
    let workload = Workload::new(options.clone());
    let mut last_ms = i64::MIN;
    let mut projects = BTreeMap::<String, u64>::new();
    for record in workload.records(0..20_000) {
        assert!(record.timestamp_ms > last_ms);
        last_ms = record.timestamp_ms;
        assert!(record.key.ends_with("@example.com") && !record.source.is_empty());
        *projects.entry(record.project).or_default() += 1;
    }
    assert!(projects.keys().eq(["acme", "globex", "initech"]));
    assert!(projects["acme"] > projects["globex"] && projects["globex"] > projects["initech"]);
}

#[test]
fn every_percentage_is_about_what_was_asked_for() {
    let count = 50_000;
    let workload = Workload::new(options());
    let (mut duplicates, mut bad, mut refunds, mut ahead) = (0, 0, 0, 0);
    for index in 0..count {
        match workload.plan.kind(index) {
            Kind::Duplicate(of) => {
                assert!(of < index);
                duplicates += 1;
            }
            Kind::Conflict(_) | Kind::Faulty(_) => bad += 1,
            Kind::Envelope(envelope) => {
                refunds += u64::from(envelope.refunds.is_some());
                ahead += u64::from(envelope.refunds > Some(index));
            }
        }
    }
    for (percent, number) in [(5, duplicates), (1, bad), (6, refunds)] {
        let expected = count * percent / 100;
        assert!((expected * 4 / 5..expected * 6 / 5).contains(&number));
    }
    assert!(ahead > 0);
}

#[test]
fn some_duplicates_are_byte_for_byte_and_some_are_not() {
    let workload = Workload::new(options());
    let (mut same, mut other) = (0, 0);
    for index in 0..20_000 {
        if let Kind::Duplicate(of) = workload.plan.kind(index) {
            let (first, again) = (workload.record(of), workload.record(index));
            assert_eq!(
                (&first.project, &first.source, &first.key),
                (&again.project, &again.source, &again.key)
            );
            if first.value == again.value {
                same += 1;
            } else {
                other += 1;
            }
        }
    }
    assert!(same > other && other > 0, "{same} {other}");
}

#[test]
fn some_charges_are_refunded_more_than_once() {
    let workload = Workload::new(options());
    let mut refunds = BTreeMap::new();
    for index in 0..50_000 {
        if let Kind::Envelope(envelope) = workload.plan.kind(index)
            && envelope.refunds.is_some()
        {
            let event = workload.plan.event(&envelope, 0);
            *refunds.entry((event.charge, event.order)).or_insert(0) += 1;
        }
    }
    assert!(refunds.values().filter(|times| **times > 2).count() > 50);
}

#[test]
fn event_times_stay_within_a_month_before_and_a_day_after_their_record() {
    for ms_per_record in [0, 1, 1_296, 3_600_000, 40 * DAY_MS] {
        let workload = Workload::new(Options {
            ms_per_record,
            late_percent: 50,
            duplicates_percent: 20,
            refunds_percent: 30,
            ..options()
        });
        for index in 0..5_000 {
            let envelope = match workload.plan.kind(index) {
                Kind::Envelope(envelope) => envelope,
                Kind::Duplicate(of) => workload.plan.envelope(of),
                Kind::Conflict(_) | Kind::Faulty(_) => continue,
            };
            for item in 0..envelope.shape.items {
                let event = workload.plan.event(&envelope, item);
                let at_ms = event.occurred_at_ms.unwrap_or(i64::MAX);
                let sent_ms = workload.plan.timestamp_ms(index);
                let before_ms = sent_ms.saturating_sub(at_ms);
                assert!(before_ms < 30 * DAY_MS, "{index}");
                assert!(event.occurred_at_ms.is_none() || before_ms > -DAY_MS, "{index}");
            }
        }
    }
}

#[test]
fn envelopes_hold_up_to_items_max_items() {
    for items_max in [0, 1, 3, 50] {
        let workload = Workload::new(Options { items_max, bad_percent: 0, ..options() });
        let items: BTreeSet<usize> = workload
            .records(0..10_000)
            .map(|record| String::from_utf8(record.value).expect("UTF-8"))
            .map(|value| value.matches("\"eventId\"").count())
            .collect();
        let most = usize::try_from(items_max.max(1)).expect("small");
        assert!(items.into_iter().eq(1..=most), "{items_max}");
    }
}

#[test]
fn every_fault_comes_up() {
    let workload = Workload::new(Options { bad_percent: 50, ..options() });
    let reasons: BTreeSet<_> = (0..10_000).filter_map(|at| workload.fault(at)).collect();
    let all = fault::FAULTS.iter().map(|fault| fault.reason);
    assert_eq!(reasons, all.chain(["event_id_conflict"]).collect());
}

#[test]
fn odd_options_are_brought_into_range() {
    let workload = Workload::new(Options {
        projects: Vec::new(),
        users: 0,
        start_ms: i64::MAX,
        ms_per_record: -5,
        duplicates_percent: 255,
        refunds_percent: 255,
        late_percent: 255,
        bad_percent: 255,
        items_max: 0,
        ..options()
    });
    for index in [0, 1, 2, 1_000, u64::MAX - 1, u64::MAX] {
        let record = workload.record(index);
        assert!(!record.project.is_empty(), "{index}");
    }
}
