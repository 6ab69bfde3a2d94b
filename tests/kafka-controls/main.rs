//! The checks on a real broker notice a product that is broken on purpose. `DAYBOOK_BIN_NEGATIVE` names a binary that was
//! built with `--features negative-controls`.

use std::path::Path;

use anyhow::Result;
use daybook_tests::binary::Binary;
use daybook_tests::control::notices;
use daybook_tests::kafka::{Broker, disturb};

fn on_broker(
    passing: Option<&'static str>,
    control: &'static str,
    because: &str,
    check: impl Fn(&Broker, &Binary, &Path) -> Result<()>,
) -> Result<()> {
    let broker = Broker::under_test()?;
    notices(passing, control, because, |binary, folder| check(&broker, binary, folder))
}

#[test]
fn duplicates_that_are_booked_are_noticed() -> Result<()> {
    on_broker(None, "no-dedupe", "primary entries", |broker, binary, folder| {
        disturb::calm(broker, binary, folder, 4_000, 4).map(drop)
    })
}

#[test]
fn records_that_are_taken_twice_are_noticed() -> Result<()> {
    on_broker(None, "no-source-positions", "refused twice", disturb::journalled_twice)
}

#[test]
fn an_instance_that_nothing_fences_is_noticed() -> Result<()> {
    on_broker(None, "no-fencing", "the books don't verify", |broker, binary, folder| {
        disturb::zombie_with_a_batch_at_hand(broker, binary, folder)
    })
}

#[test]
fn an_unknown_outcome_that_is_taken_for_a_failure_is_noticed() -> Result<()> {
    on_broker(
        Some("unknown-commits"),
        "no-reconciliation",
        "the books don't verify",
        disturb::unknown_commits,
    )
}
