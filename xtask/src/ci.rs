//! `cargo xtask ci`: everything that must hold, in order, up to the first failure.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::command::{cargo, run as finish, target_folder};
use crate::steps::Steps;
use crate::test_broker::{TestBroker, TestRegistry};
use crate::{readme, tools};

/// Arguments of `ci`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Only these steps
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Step>,
}

/// A step; each is a row of the table at the end.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// Programs of Debian and Python, Kafka and a schema registry from Maven are there, or get installed
    Tools,
    /// rustfmt
    Format,
    /// clippy, warnings denied
    Lints,
    /// Unit and integration tests of all packages
    Tests,
    /// rustdoc, warnings denied
    Docs,
    /// Tests fail where the product is broken on purpose
    Controls,
    /// Tests of the release binary
    EndToEnd,
    /// Tests of the release binary on a real Kafka broker
    Kafka,
    /// README.md's commands in a fresh clone
    Readme,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Step::Tools => "tools",
            Step::Format => "format",
            Step::Lints => "lints",
            Step::Tests => "tests",
            Step::Docs => "docs",
            Step::Controls => "controls",
            Step::EndToEnd => "end-to-end",
            Step::Kafka => "kafka",
            Step::Readme => "readme",
        }
    }

    fn work(self) -> Result<()> {
        match self {
            Step::Tools => tools::provide(),
            Step::Format => finish(&mut cargo("fmt --all --check")),
            Step::Lints => lints(),
            Step::Tests => finish(&mut cargo("test --workspace --exclude daybook-tests --locked")),
            Step::Docs => {
                let mut doc = cargo("doc --workspace --no-deps --locked");
                finish(doc.env("RUSTDOCFLAGS", "-D warnings"))
            }
            Step::Controls => controls(),
            Step::EndToEnd => end_to_end(),
            Step::Kafka => on_kafka(),
            // What is built has to be of these files before the clone may have it.
            Step::Readme => release_binary().and_then(|_| readme::check()),
        }
    }
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let mut steps = Steps::default();
    let chosen = |step: &&Step| arguments.only.is_empty() || arguments.only.contains(step);
    let outcome = Step::value_variants()
        .iter()
        .filter(chosen)
        .try_for_each(|step| steps.step(step.name(), || step.work()));
    println!("{}", steps.table());
    if outcome.is_ok() && !arguments.only.is_empty() {
        println!("only these steps were asked for");
    }
    outcome
}

fn lints() -> Result<()> {
    finish(&mut cargo("clippy --workspace --all-targets --all-features --locked -- -D warnings"))
}

/// The core's suite against a broken core, and the end-to-end checks against a broken binary.
fn controls() -> Result<()> {
    // Of the whole workspace, as the step before, so that its dependencies serve again.
    let parts = "test --workspace --exclude daybook-tests --features daybook-stream/negative-controls --test spec --test faults";
    finish(cargo(parts).arg("--locked"))?;
    // As the binary of the next step is built, for the same reason.
    finish(&mut cargo("build --release --bin daybook --features daybook-cli/negative-controls --locked"))?;
    let target = target_folder()?;
    let folder = target.join("negative-controls");
    fs::create_dir_all(&folder)?;
    let binary = folder.join("daybook");
    // Moved, so that nobody finds it where the real one belongs.
    fs::rename(target.join("release/daybook"), &binary).context("failed to move the broken binary")?;
    finish(cargo("test --workspace --test controls --locked").env("DAYBOOK_BIN_NEGATIVE", &binary))?;
    let broker = TestBroker::start()?;
    let mut tests = cargo("test --workspace --test kafka-controls --locked -- --test-threads=1");
    finish(broker.environment(&mut tests).env("DAYBOOK_BIN_NEGATIVE", &binary))?;
    broker.stop()
}

fn end_to_end() -> Result<()> {
    let binary = release_binary()?;
    let browser = tools::browser().context("there is no chromium; the step `tools` installs it")?;
    let mut tests = cargo("test --workspace --test e2e --locked");
    tests.env("DAYBOOK_BIN", &binary).env("DAYBOOK_CHROMIUM", &browser);
    finish(tests.env("DAYBOOK_TEST_PYTHON", tools::python()?))
}

/// One test after the other: some of them crash the broker.
fn on_kafka() -> Result<()> {
    let binary = release_binary()?;
    let broker = TestBroker::start()?;
    let registry = TestRegistry::start()?;
    let mut tests = cargo("test --workspace --test kafka --locked -- --test-threads=1");
    tests.env("DAYBOOK_BIN", &binary).env("DAYBOOK_TEST_PYTHON", tools::python()?);
    finish(registry.environment(broker.environment(&mut tests)))?;
    registry.stop()?;
    broker.stop()
}

/// Builds what users run, by the command that they use.
fn release_binary() -> Result<PathBuf> {
    finish(&mut cargo("build --release --bin daybook --locked"))?;
    let binary = target_folder()?.join("release/daybook");
    ensure!(binary.is_file(), "{} was not built", binary.display());
    Ok(binary)
}
