//! Properties of all histories. What once failed is kept in `proptest-regressions` and tried first.

use std::collections::BTreeMap;

use daybook_core::event::{Body, ChargeEvent, JournalRecord, Kind};
use daybook_core::money::Currency;
use daybook_core::state::{NoStore, Row, State};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::checks::{
    appended_twice_counts_once, books_balance, entries_hold, play, published_is_derived, same_in_any_order,
    totals,
};
use crate::generate::{START_MS, extremes, plans, settings};

fn fresh() -> State<NoStore> {
    State::new(NoStore)
}

fn holds(verdict: Result<(), String>) -> Result<(), TestCaseError> {
    verdict.map_err(TestCaseError::fail)
}

fn record(body: Body) -> JournalRecord {
    JournalRecord {
        project: "provider".into(),
        recorded_at_ms: START_MS,
        source_timestamp_ms: None,
        source: None,
        body,
    }
}

/// A batch hands out the rows that its own records have touched, and of an organization's balances only those.
#[test]
fn rows_are_those_of_the_batch() {
    let payment = |user: &str| {
        let mut event = ChargeEvent::new(user, Kind::Payment, user);
        event.amount = Some(1.into());
        event.currency = Currency::parse("USD");
        event.occurred_at_ms = Some(START_MS);
        record(Body::Charge(Box::new(event)))
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
                record(Body::Charge(Box::new(event)))
            };
            let mut records = vec![record(Body::Settings(settings.clone().into()))];
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
