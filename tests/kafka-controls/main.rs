//! The checks on a real broker notice a product that is broken on purpose. `DAYBOOK_BIN_NEGATIVE` names a binary that was
//! built with `--features negative-controls`.

#![allow(
    clippy::print_stdout,
    reason = "what a check said of the broken product belongs into a failed test's output"
)]

use std::path::Path;

use anyhow::{Result, ensure};
use daybook_tests::binary::Binary;
use daybook_tests::kafka::{Broker, disturb};

/// Without a control (or with one that the product must get over) the check must pass, with it it must fail, and for
/// the reason that was meant.
fn notices(
    passing: Option<&'static str>,
    control: &'static str,
    because: &str,
    check: impl Fn(&Broker, &Binary, &Path) -> Result<()>,
) -> Result<()> {
    let broker = Broker::under_test()?;
    let folder = tempfile::tempdir()?;
    check(&broker, &Binary::broken_by(passing)?, folder.path())?;
    let folder = tempfile::tempdir()?;
    let Err(error) = check(&broker, &Binary::broken_by(Some(control))?, folder.path()) else {
        anyhow::bail!("nothing was noticed of {control}");
    };
    let said = format!("{error:#}");
    println!("{control}: {said}");
    ensure!(said.contains(because), "{control} was noticed for another reason: {said}");
    Ok(())
}

#[test]
fn duplicates_that_are_booked_are_noticed() -> Result<()> {
    notices(None, "no-dedupe", "primary entries", |broker, binary, folder| {
        disturb::calm(broker, binary, folder, 4_000, 4).map(drop)
    })
}

#[test]
fn records_that_are_taken_twice_are_noticed() -> Result<()> {
    notices(None, "no-source-positions", "refused twice", disturb::journalled_twice)
}

#[test]
fn an_instance_that_nothing_fences_is_noticed() -> Result<()> {
    notices(None, "no-fencing", "the books don't verify", |broker, binary, folder| {
        disturb::zombies(broker, binary, folder, 2)
    })
}

#[test]
fn an_unknown_outcome_that_is_taken_for_a_failure_is_noticed() -> Result<()> {
    notices(Some("unknown-commits"), "no-reconciliation", "the books don't verify", disturb::unknown_commits)
}
