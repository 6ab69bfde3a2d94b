//! The checks of the end-to-end tests notice a product that is broken on purpose. `DAYBOOK_BIN_NEGATIVE` names a binary
//! that was built with `--features negative-controls`; `cargo xtask ci` builds it.

#![allow(
    clippy::print_stdout,
    reason = "what a check said of the broken product belongs into a failed test's output"
)]

use std::time::Duration;

use anyhow::{Result, ensure};
use daybook_tests::binary::Binary;
use daybook_tests::control::notices;
use daybook_tests::instance::{Instance, write_config};
use daybook_tests::random::Random;
use daybook_tests::wait::until;
use daybook_tests::{kill, traffic};

#[test]
fn the_model_notices_that_duplicates_are_booked() -> Result<()> {
    notices(None, "no-dedupe", "differences from the model", |binary, folder| {
        traffic::check_processing(binary, folder, 4_000, 4_000).map(drop)
    })
}

#[test]
fn kills_show_state_that_is_ahead_of_what_is_published() -> Result<()> {
    let seed = Random::seed();
    println!("DAYBOOK_TEST_SEED={seed}");
    notices(None, "state-before-commit", "the books don't verify", |binary, folder| {
        kill::check(binary, folder, 8, seed).map(drop)
    })
}

/// Half an instance would acknowledge events and book none.
#[test]
fn a_thread_that_panics_ends_the_process() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = write_config(folder.path(), "127.0.0.1:0")?;
    let event = r#"{"track":[{"name":"Charge","payload":[{"eventId":"e","userId":"u","data":{"amount":1,"currency":"USD","status":"succeeded"}}]}]}"#;
    let broken = Instance::run(&Binary::broken_by(Some("panic"))?, &config)?;
    ensure!(broken.track("acme", event.as_bytes())?.status == 202, "the event is durable before the panic");
    let (code, said) = broken.ended()?;
    ensure!(code == Some(1) && said.contains("the projector thread has panicked"), "{code:?}\n{said}");
    // What was acknowledged is in the books once the next process has them.
    let whole = Instance::run(&Binary::broken_by(None)?, &config)?;
    until("the event to be in the books", Duration::from_secs(60), || {
        Ok((whole.end("ledger.entries")? == 1).then_some(()))
    })?;
    whole.stop()
}
