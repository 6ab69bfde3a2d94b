//! README.md's commands, run literally, in order, in a fresh clone.

mod background;
mod blocks;

use std::fs::{File, create_dir_all, read_to_string};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};

use crate::command::{program, read, run, target_folder};
use background::Background;
use blocks::{Block, Mode};

/// The command that runs this check; it is not run from within itself.
const SELF: &str = "cargo xtask ci";

/// Runs the check.
pub fn check() -> Result<()> {
    let folder = tempfile::tempdir().context("failed to make a folder for the clone")?;
    let clone = folder.path().join("daybook");
    run(program("git").args(["clone", "--quiet", "--no-hardlinks", "."]).arg(&clone))?;
    share_built(&clone)?;
    if read(program("git").args(["status", "--porcelain"]))?.is_empty() {
        predate(&clone)?;
    } else {
        println!(
            "what is not committed is not checked: this is the README.md of HEAD, and it is built for it"
        );
    }
    let text = read_to_string(clone.join("README.md")).context("failed to read README.md")?;
    let blocks = blocks::parse(&text)?;
    ensure!(!blocks.is_empty(), "README.md holds no commands");

    let outcome = run_blocks(&blocks, &clone);
    if outcome.is_err() {
        // A broker that README.md has started would be in the next run's way.
        let xtask = std::env::current_exe().context("this program has no path")?;
        let _ = program(xtask)
            .args(["kafka", "stop", "--kill", "--folder"])
            .arg(clone.join("target/kafka"))
            .status();
    }
    let (ran, skipped) = outcome?;
    println!("\nREADME.md: {ran} blocks run, {} skipped", skipped.len());
    for skipped in skipped {
        println!("  skipped {skipped}");
    }
    Ok(())
}

/// Runs the blocks: how many there were, and what was left out.
fn run_blocks(blocks: &[Block], clone: &Path) -> Result<(u32, Vec<String>)> {
    let mut running: Vec<Background> = Vec::new();
    let (mut ran, mut skipped) = (0, Vec::new());
    for block in blocks {
        println!("\nREADME.md line {}: {}", block.line, block.mode);
        let place = || format!("README.md line {}", block.line);
        if block.stops || matches!(block.mode, Mode::Background { another: false, .. }) {
            running.drain(..).try_for_each(Background::stop).with_context(place)?;
        }
        match &block.mode {
            Mode::Run { ends_last } => {
                run_block(block, clone).with_context(place)?;
                if *ends_last {
                    let last = running.pop().with_context(|| format!("{}: nothing runs", place()))?;
                    last.has_ended().with_context(place)?;
                }
            }
            Mode::Background { until, .. } => {
                running.push(Background::start(bash(block, clone), until).with_context(place)?);
            }
            Mode::Itself => ensure!(block.text.trim() == SELF, "{}: is not `{SELF}`", place()),
            Mode::Skip { reason } => skipped.push(format!("line {}: {reason}", block.line)),
        }
        if matches!(block.mode, Mode::Run { .. } | Mode::Background { .. }) {
            ran += 1;
        }
    }
    running.into_iter().try_for_each(Background::stop)?;
    Ok((ran, skipped))
}

/// Gives the clone a copy of what was built. Not the target folder itself: cargo tells files apart by time and place in
/// the repository, so that the working tree would be given what the clone has built.
fn share_built(clone: &Path) -> Result<()> {
    let (built, into) = (target_folder()?.join("release"), clone.join("target/release"));
    create_dir_all(&into)?;
    for part in ["build", "deps", ".fingerprint"] {
        let from = built.join(part);
        if from.is_dir() {
            run(program("cp").arg("-a").arg(from).arg(&into))?;
        }
    }
    Ok(())
}

/// Makes the clone's files older than what was built, which cargo takes for a reason not to build it again. That is true
/// where the working tree is that of HEAD; a file that only the working tree has is still missed.
fn predate(clone: &Path) -> Result<()> {
    let files = read(program("git").args(["ls-files", "-z"]).current_dir(clone))?;
    let long_ago = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for file in files.split_terminator('\0').map(|file| clone.join(file)).filter(|file| file.is_file()) {
        let dated = File::open(&file).and_then(|open| open.set_modified(long_ago));
        dated.with_context(|| format!("failed to date {}", file.display()))?;
    }
    Ok(())
}

fn run_block(block: &Block, clone: &Path) -> Result<()> {
    let status = bash(block, clone).status().context("failed to start bash")?;
    if status.success() { Ok(()) } else { bail!("ended with {status}") }
}

/// A block as a script. Of the environment, what cargo has set for this program is left out.
fn bash(block: &Block, clone: &Path) -> Command {
    for line in block.text.lines() {
        println!("  $ {line}");
    }
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", &block.text]).current_dir(clone).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name == "CARGO" || (name.starts_with("CARGO_") && name != "CARGO_HOME") {
            command.env_remove(&*name);
        }
    }
    command
}
