//! Properties of all histories. What once failed is kept in `proptest-regressions` and tried first.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use daybook_core::event::{Body, ChargeEvent, JournalRecord, Kind, SourcePosition, SpendEvent};
use daybook_core::money::Currency;
use daybook_core::name::Name;
use daybook_core::project::{Disposition, apply};
use daybook_core::settings::{Partner, PartnerType, Settings, SplitRule};
use daybook_core::state::{Change, DayView, NoStore, Row, State, Store};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::checks::{
    appended_twice_counts_once, books_balance, entries_hold, play, published_is_derived, same_in_any_order,
    totals,
};
use crate::generate::{START_MS, extremes, plans, settings};
use crate::store::{Shelf, commit};

fn fresh() -> State<NoStore> {
    State::new(NoStore)
}

fn holds(verdict: Result<(), String>) -> Result<(), TestCaseError> {
    verdict.map_err(TestCaseError::fail)
}

/// A batch hands out the rows that its own records have touched, and of an organization's balances only those.
#[test]
fn rows_are_those_of_the_batch() {
    let payment = |user: &str| {
        let mut event = ChargeEvent::new(user, Kind::Payment, user);
        event.amount = Some(1.into());
        event.currency = Currency::parse("USD");
        event.occurred_at_ms = Some(START_MS);
        record(START_MS, None, Body::Charge(Box::new(event)))
    };
    let mut state = fresh();
    play(&mut state, &[payment("ann")]);
    state.settle();
    assert_eq!(state.rows(&BTreeMap::new()).count(), 0);
    play(&mut state, &[payment("bob")]);
    // The processor's account is not touched by a payment without a fee.
    let since = BTreeMap::from([("provider".into(), 1)]);
    let rows = state.rows(&since).map(|(_, row)| match row {
        Row::Day { view, day, currency, row } => {
            format!("{view:?} {day} {currency} {}", view.stamp(row).revision)
        }
        Row::Month { month, currency, row } => format!("{month} {currency} {}", row.profit.revision),
        Row::Allocation { key, .. } => format!("{key:?}"),
        Row::Balance { organization, balance } => format!("{organization}:{}", balance.account),
        Row::Customer { organization, profile } => format!("{organization} {}", profile.value_minor),
        Row::Points { user, balance } => format!("{user} {}", balance.points.available),
    });
    let mut rows: Vec<String> = rows.collect();
    rows.sort();
    assert_eq!(
        rows,
        [
            "2026-01 USD 2",
            "Kpis 2026-01-01 USD 2",
            "OwnerProfit 2026-01-01 USD 2",
            "Profit 2026-01-01 USD 2",
            "Revenue 2026-01-01 USD 2",
            "bob 1",
            "bob 100",
            "bob:Payable",
            "provider:Assets",
            "provider:Income"
        ]
    );
}

fn record(recorded_at_ms: i64, source: Option<SourcePosition>, body: Body) -> JournalRecord {
    JournalRecord { project: "provider".into(), recorded_at_ms, source_timestamp_ms: None, source, body }
}

fn rows<S: Store>(state: &State<S>, since: &BTreeMap<Name, u64>) -> Vec<String> {
    state.rows(since).map(|row| format!("{row:?}")).collect()
}

fn event(id: &str, kind: Kind, amount: i64, at_ms: i64) -> ChargeEvent {
    let mut event = ChargeEvent::new(id, kind, "ann");
    event.amount = Some(amount.into());
    event.currency = Currency::parse("USD");
    event.charge_id = Some("ch1".into());
    event.occurred_at_ms = Some(at_ms);
    event
}

/// A row is handed out where the batch has touched it, not where another of the same organization or month has changed.
#[test]
fn rows_that_the_batch_has_not_touched_are_left_out() {
    let bo = Partner {
        partner_type: PartnerType::Affiliate,
        name: "Bo".into(),
        percentage: "0.1".parse().unwrap(),
    };
    let rule = SplitRule { product: "p1".into(), partners: vec![bo] };
    let settings = Settings { splits: vec![rule], ..Settings::default() };
    let charge = |event: ChargeEvent| record(START_MS + 1, None, Body::Charge(Box::new(event)));
    let mut state = fresh();
    let payment = event("p1", Kind::Payment, 10, START_MS + 1);
    play(&mut state, &[record(START_MS, None, Body::Settings(Arc::new(settings))), charge(payment)]);
    state.settle();
    // Three balances and a profile in another currency; the goodwill earns no points.
    let mut goodwill = event("g1", Kind::Goodwill, 5, START_MS + 2);
    goodwill.currency = Currency::parse("EUR");
    play(&mut state, &[charge(goodwill)]);
    let since = BTreeMap::from([("provider".into(), 2)]);
    let points = state.rows(&since).filter(|(_, row)| matches!(row, Row::Points { .. })).count();
    assert_eq!((points, state.rows(&since).count()), (0, 4), "{:?}", rows(&state, &since));
    state.settle();
    let payment = event("p2", Kind::Payment, 10, START_MS + 3);
    play(&mut state, &[charge(payment)]);
    state.settle();
    // The service names the product, so the payments are shared now: the month's profit is what it was.
    let mut service = event("s1", Kind::Service, 20, START_MS);
    service.product = Some("p1".into());
    play(&mut state, &[charge(service)]);
    let since = BTreeMap::from([("provider".into(), 4)]);
    let rows: Vec<_> = state.rows(&since).collect();
    let owner = |row: &Row<'_>| matches!(row, Row::Day { view: DayView::OwnerProfit, .. });
    assert!(rows.iter().any(|(_, row)| owner(row)));
    assert!(!rows.iter().any(|(_, row)| matches!(row, Row::Month { .. })));
}

fn spend(id: &str, version: u32) -> JournalRecord {
    let spend = SpendEvent {
        event_id: id.into(),
        version,
        amount: 1.into(),
        currency: Currency::parse("USD"),
        occurred_at_ms: START_MS,
        is_active: true,
        platform: None,
        campaign: None,
        ad_set: None,
        ad: None,
    };
    record(START_MS, None, Body::Spend(Box::new(spend)))
}

/// A payment that is a charge by itself, and a spend event.
fn pair(id: &str) -> [JournalRecord; 2] {
    let mut payment = event(id, Kind::Payment, 10, START_MS);
    payment.charge_id = Some(id.into());
    [record(START_MS, None, Body::Charge(Box::new(payment))), spend(id, 1)]
}

/// What no store takes over is not noted, and never forgotten.
#[test]
fn a_volatile_state_keeps_everything_and_notes_less() {
    let payment = |id| record(START_MS, None, Body::Charge(Box::new(event(id, Kind::Payment, 10, START_MS))));
    let records = [payment("p1"), payment("p2"), spend("a1", 1), spend("a1", 2)];
    let noted = |state: &State<NoStore>| {
        let (mut events, mut others) = (0, 0);
        for (_, change) in state.changes() {
            match change {
                Change::Charge(..) | Change::Identity(..) | Change::Spend(..) => events += 1,
                _ => others += 1,
            }
        }
        (events, others > 0)
    };
    let (mut tracked, mut volatile) = (fresh(), State::volatile());
    assert_eq!(play(&mut tracked, &records), play(&mut volatile, &records));
    // One charge, two identities, one spend event: each once, however often it has changed.
    assert_eq!((noted(&tracked), noted(&volatile)), ((4, true), (0, true)));
    tracked.settle();
    assert_eq!(noted(&tracked), (0, false));
    play(&mut tracked, &[payment("p3"), payment("p4")]);
    assert_eq!(noted(&tracked), (3, true));
    for other in ["b", "c"] {
        volatile.settle();
        volatile.forget_clean(0);
        play(&mut volatile, &pair(other));
    }
    for effects in play(&mut volatile, &records) {
        assert_eq!(effects.disposition, Disposition::Duplicate);
    }
}

/// Two of `keep_max` 8 charges, identities and spend events stay, and as many again that were asked for before them.
#[test]
fn what_was_not_asked_for_lately_is_read_again() {
    let reads_for_a = |batches: &[&[&str]]| {
        let mut state = State::new(Shelf::default());
        for batch in batches {
            for record in batch.iter().flat_map(|id| pair(id)) {
                apply(&mut state, &record).unwrap_or_else(|never| match never {});
            }
            commit(&mut state, 8);
        }
        let before = state.store().reads.get();
        for record in pair("a") {
            let effects = apply(&mut state, &record).unwrap_or_else(|never| match never {});
            assert_eq!(effects.disposition, Disposition::Duplicate);
        }
        let after = state.store().reads.get();
        [0, 1, 2].map(|kind| after[kind] - before[kind])
    };
    assert_eq!(reads_for_a(&[&["a", "b"], &["c", "d"]]), [0; 3]);
    assert_eq!(reads_for_a(&[&["a", "b", "c"]]), [0; 3]);
    assert_eq!(reads_for_a(&[&["a", "b", "c"], &["a"], &["d", "e", "f"]]), [0; 3]);
    assert_eq!(reads_for_a(&[&["a", "b", "c"], &["d", "e", "f"]]), [1; 3]);
}

#[test]
fn invariant_4_the_hash_of_the_last_entry_is_kept() {
    let mut state = fresh();
    let project = Name::from("provider");
    assert_eq!(state.previous_hash(&project), [0; 32]);
    play(&mut state, &[record(START_MS, None, Body::Tick)]);
    assert_eq!(state.previous_hash(&project), [0; 32]);
    state.set_previous_hash(&project, [7; 32]);
    assert_eq!(state.previous_hash(&project), [7; 32]);
}

/// Or the owner of the partition would append a tick for it: only for what time is still to clear.
#[test]
fn rule_3_2_a_pending_that_has_cleared_is_not_due() {
    let pending = |id: &str, clears_at_ms| {
        let mut event = ChargeEvent::new(id, Kind::Pending, "ann");
        event.amount = Some(1.into());
        event.currency = Currency::parse("USD");
        event.occurred_at_ms = Some(START_MS);
        event.clears_at_ms = Some(clears_at_ms);
        record(START_MS, None, Body::Charge(Box::new(event)))
    };
    let mut state = fresh();
    let due = |state: &State<NoStore>| state.books().next().and_then(|(_, books)| books.next_due_ms());
    for (id, clears_at_ms) in [("now", START_MS), ("past", START_MS - 1)] {
        play(&mut state, &[pending(id, clears_at_ms)]);
        assert_eq!(due(&state), None);
    }
    play(&mut state, &[pending("later", START_MS + 2), pending("soon", START_MS + 1)]);
    assert_eq!(due(&state), Some(START_MS + 1));
    play(&mut state, &[record(START_MS + 1, None, Body::Tick)]);
    assert_eq!(due(&state), Some(START_MS + 2));
    play(&mut state, &[record(START_MS + 2, None, Body::Tick)]);
    assert_eq!(due(&state), None);
}

/// The state is the same bytes whatever the order in which source partitions were first seen.
#[test]
fn source_positions_are_sorted_by_topic_and_partition() {
    let position =
        |topic: &str, partition| Some(SourcePosition { topic: topic.into(), partition, offset: 0, item: 0 });
    let seen = [("b", 1), ("a", 2), ("b", 0), ("c", 0), ("a", 1)];
    let mut state = fresh();
    play(
        &mut state,
        &seen.map(|(topic, partition)| record(START_MS, position(topic, partition), Body::Tick)),
    );
    let (_, books) = state.books().next().unwrap();
    let sources: Vec<_> = books.head().sources.iter().map(|s| (&*s.topic, s.partition)).collect();
    assert_eq!(sources, [("a", 1), ("a", 2), ("b", 0), ("b", 1), ("c", 0)]);
}

proptest! {
    // `PROPTEST_CASES` overrides the number.
    #![proptest_config(ProptestConfig { cases: 1_024, ..ProptestConfig::default() })]

    #[test]
    fn invariant_5_any_order_of_arrival_ends_in_the_same(plan in plans(12)) {
        holds(same_in_any_order(&plan, fresh))?;
    }

    #[test]
    fn invariants_1_to_4_entries_balance_and_have_no_gap(plan in plans(16)) {
        let mut state = fresh();
        let effects = play(&mut state, &plan.records(&plan.arrivals));
        holds(entries_hold(&state, &effects))?;
    }

    #[test]
    fn rule_3_what_was_published_is_what_derive_says(plan in plans(12)) {
        let mut state = fresh();
        let mut effects = Vec::new();
        // After every record, not only at the end: errors that a later adjustment hides are errors.
        for record in plan.records(&plan.arrivals) {
            effects.extend(play(&mut state, &[record]));
            holds(published_is_derived(&state, &effects))?;
        }
    }

    #[test]
    fn rule_3_folding_on_in_order_is_derive(mut plan in plans(10)) {
        plan.events.sort_by_key(|body| match body {
            Body::Charge(e) => Some((e.kind.phase(), e.occurred_at_ms, e.kind, e.identity.clone())),
            _ => None,
        });
        let mut state = fresh();
        let effects = play(&mut state, &plan.records(&plan.in_order()));
        holds(published_is_derived(&state, &effects))?;
    }

    #[test]
    fn invariant_6_replay_gives_the_same_effects(plan in plans(12)) {
        let records = plan.records(&plan.arrivals);
        prop_assert_eq!(play(&mut fresh(), &records), play(&mut fresh(), &records));
    }

    /// Whatever is forgotten between batches, and also where the state is begun anew from its store.
    #[test]
    fn invariant_6_a_store_behind_the_state_changes_nothing(
        plan in plans(12), keep_max in 0..12_usize, anew in 1..9_usize,
    ) {
        let (mut alone, mut kept) = (fresh(), State::new(Shelf::default()));
        for (at, record) in plan.records(&plan.arrivals).iter().enumerate() {
            if at % anew == 0 {
                let shelf = kept.store().kept.borrow().clone();
                kept = State::new(Shelf { kept: RefCell::new(shelf), ..Shelf::default() });
            }
            let since = BTreeMap::from([(record.project.clone(), at as u64)]);
            let effects = apply(&mut alone, record);
            prop_assert_eq!(apply(&mut kept, record), effects);
            let [one, other] = [rows(&alone, &since), rows(&kept, &since)];
            prop_assert_eq!(one, other);
            prop_assert_eq!(kept.previous_hash(&record.project), alone.previous_hash(&record.project));
            let hash = [u8::try_from(at).unwrap(); 32];
            alone.set_previous_hash(&record.project, hash);
            kept.set_previous_hash(&record.project, hash);
            alone.settle();
            commit(&mut kept, keep_max);
        }
    }

    #[test]
    fn invariant_2_a_record_appended_twice_counts_once(plan in plans(10)) {
        holds(appended_twice_counts_once(&plan, fresh))?;
    }

    #[test]
    fn rule_8_points_never_depend_on_how_a_refund_is_cut(
        paid in 1..500_000_i64,
        cuts in vec(1..100_000_i64, 1..8),
        tier in prop::sample::select(vec!["bronze", "silver", "gold"]),
        settings in settings(),
    ) {
        // The same money back at once and in parts, at most what was paid.
        let mut parts = Vec::new();
        let mut left = paid;
        for cut in cuts {
            let part = cut.min(left);
            if part > 0 {
                parts.push(part);
            }
            left -= part;
        }
        let charge = |refunds: &[i64]| {
            let event = |id: String, kind, minor: i64, at: i64| {
                let mut event = ChargeEvent::new(id, kind, "customer");
                event.amount = Some(rust_decimal::Decimal::new(minor, 2).normalize());
                event.currency = Currency::parse("USD");
                event.charge_id = Some("c".into());
                event.product = Some("p1".into());
                event.tier = Some(tier.into());
                event.occurred_at_ms = Some(START_MS + at);
                record(START_MS, None, Body::Charge(Box::new(event)))
            };
            let mut records = vec![record(START_MS, None, Body::Settings(settings.clone().into()))];
            records.push(event("p".to_owned(), Kind::Payment, paid, 0));
            let refund = |(minor, at): (&i64, i64)| event(format!("r{at}"), Kind::Refund, *minor, at);
            records.extend(refunds.iter().zip(1..).map(refund));
            let mut state = fresh();
            play(&mut state, &records);
            totals(&state)
        };
        let (at_once, cut) = (charge(&[parts.iter().sum()]), charge(&parts));
        prop_assert_eq!(at_once.points(), cut.points());
        prop_assert_eq!(at_once.balances(), cut.balances());
        prop_assert_eq!(at_once.allocations(), cut.allocations());
    }

    #[test]
    fn no_record_panics(records in vec(extremes(), 1..20)) {
        let mut state = fresh();
        let effects = play(&mut state, &records);
        holds(books_balance(&state, &effects))?;
    }
}
