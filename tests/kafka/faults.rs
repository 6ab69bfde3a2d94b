//! Killed instances, a crashing broker, instances that come back from the dead.

#![allow(clippy::print_stdout, reason = "the seed belongs into a failed test's output")]

use anyhow::Result;
use daybook_tests::binary::Binary;
use daybook_tests::kafka::{Broker, disturb};
use daybook_tests::random::Random;

#[test]
fn instances_and_a_broker_are_killed_and_nothing_is_lost_or_doubled() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let seed = Random::seed();
    println!("DAYBOOK_TEST_SEED={seed}");
    disturb::kills(&Broker::under_test()?, &Binary::under_test()?, folder.path(), 10, true, seed)
}

#[test]
fn an_instance_that_was_stopped_until_it_was_fenced_publishes_nothing_more() -> Result<()> {
    let folder = tempfile::tempdir()?;
    disturb::zombies(&Broker::under_test()?, &Binary::under_test()?, folder.path(), 1)
}

#[test]
fn what_intake_journals_twice_counts_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    disturb::journalled_twice(&Broker::under_test()?, &Binary::under_test()?, folder.path())
}
