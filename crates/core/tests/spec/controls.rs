//! Negative controls: the checks notice a projector that is broken on purpose.
//!
//! `cargo test -p daybook-core --features negative-controls`

use daybook_core::state::{Controls, NoStore, State};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::checks::{Verdict, appended_twice_counts_once, same_in_any_order};
use crate::generate::{Plan, plans};

fn broken(controls: Controls) -> impl Fn() -> State<NoStore> {
    move || {
        let mut state = State::new(NoStore);
        state.set_controls(controls);
        state
    }
}

/// How many of 200 plans a check finds fault with.
fn faults(check: impl Fn(&Plan) -> Verdict) -> usize {
    let mut runner = TestRunner::deterministic();
    let strategy = plans(8);
    (0..200).filter(|_| check(&strategy.new_tree(&mut runner).unwrap().current()).is_err()).count()
}

#[test]
fn a_projector_that_takes_every_copy_for_an_event_is_noticed() {
    let controls = Controls { no_dedupe: true, ..Controls::default() };
    assert!(faults(|plan| same_in_any_order(plan, broken(controls))) > 100);
    assert_eq!(faults(|plan| same_in_any_order(plan, broken(Controls::default()))), 0);
}

#[test]
fn a_projector_that_forgets_source_positions_is_noticed() {
    let controls = Controls { no_source_positions: true, ..Controls::default() };
    assert!(faults(|plan| appended_twice_counts_once(plan, broken(controls))) > 100);
    assert_eq!(faults(|plan| appended_twice_counts_once(plan, broken(Controls::default()))), 0);
}
