//! The commands of README.md and of the pages that say so, run literally, page by page and in order, in a fresh clone.

mod background;

use std::fs::{File, create_dir_all};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};

use crate::command::{program, read, run, target_folder};
use background::Background;
use daybook_pages::Page;
use daybook_pages::ci::{self, Block, Mode, without_times};

/// What pages call this: those that do are run.
const RUNNER: &str = "xtask/src/readme";
/// The command that runs this check; it is not run from within itself.
const SELF: &str = "cargo xtask ci";
/// For commands that are run until they print what they must.
const PRINT_LIMIT: Duration = Duration::from_secs(60);
const PERIOD: Duration = Duration::from_millis(250);

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
    // Pages by path: README.md, which is first in a reader's way, is first in the alphabet.
    let pages = daybook_pages::run_by_in(&clone, RUNNER)?;
    ensure!(
        pages.iter().any(|page| page.path == Path::new("README.md")),
        "README.md is not among {RUNNER}'s pages"
    );
    for page in &pages {
        let outcome = run_page(page, &clone);
        if outcome.is_err() {
            // What the page has started would be in the next run's way.
            let xtask = std::env::current_exe().context("this program has no path")?;
            for what in [&["kafka", "stop", "--kill"][..], &["registry", "stop"]] {
                let folder = clone.join("target").join(what[0]);
                if folder.is_dir() {
                    let _ = program(&xtask).args(what).arg("--folder").arg(folder).status();
                }
            }
        }
        outcome?;
    }
    let pages = daybook_pages::pages(&clone)?;
    println!("\nAll pages: {}", daybook_pages::count(&clone, &pages));
    Ok(())
}

/// Runs a page of the clone.
fn run_page(page: &Page, clone: &Path) -> Result<()> {
    let page = Page::read(clone, &page.path)?;
    let name = page.path.display().to_string();
    let blocks = ci::parse(&page.text).with_context(|| name.clone())?;
    ensure!(!blocks.is_empty(), "{name} holds no commands");
    let (ran, skipped) = run_blocks(&name, &blocks, clone)?;
    println!("\n{name}: {ran} blocks run, {} skipped", skipped.len());
    for skipped in skipped {
        println!("  skipped {skipped}");
    }
    Ok(())
}

/// Runs the blocks: how many there were, and what was left out.
fn run_blocks(page: &str, blocks: &[Block], clone: &Path) -> Result<(u32, Vec<String>)> {
    let mut running: Vec<Background> = Vec::new();
    let (mut ran, mut skipped) = (0, Vec::new());
    for block in blocks {
        println!("\n{page} line {}: {}", block.line, block.mode);
        let place = || format!("{page} line {}", block.line);
        if block.stops || matches!(block.mode, Mode::Background { another: false, .. }) {
            running.drain(..).try_for_each(Background::stop).with_context(place)?;
        }
        match &block.mode {
            Mode::Run { ends_last, again } => {
                run_block(block, *again, clone).with_context(place)?;
                if *ends_last {
                    let last = running.pop().with_context(|| format!("{}: nothing runs", place()))?;
                    last.has_ended().with_context(place)?;
                }
            }
            Mode::Background { until, .. } => {
                running.push(Background::start(bash(block, clone)?, until).with_context(place)?);
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

fn run_block(block: &Block, again: bool, clone: &Path) -> Result<()> {
    let begun = Instant::now();
    loop {
        let mut command = bash(block, clone)?;
        let Some(expected) = &block.prints else {
            let status = command.status().context("failed to start bash")?;
            return if status.success() { Ok(()) } else { bail!("ended with {status}") };
        };
        let output = command.stderr(Stdio::inherit()).output().context("failed to start bash")?;
        let printed = String::from_utf8_lossy(&output.stdout);
        print!("{printed}");
        if output.status.success() && without_times(&printed) == without_times(expected) {
            return Ok(());
        }
        if !again || begun.elapsed() > PRINT_LIMIT {
            bail!("ended with {} and printed\n{printed}\ninstead of\n{expected}", output.status);
        }
        thread::sleep(PERIOD);
    }
}

/// A block as a script, for which `daybook` is what the clone has built. Of the environment, what cargo has set for this program
/// is left out.
fn bash(block: &Block, clone: &Path) -> Result<Command> {
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
    let own = clone.join("target/release");
    let system = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([own].into_iter().chain(std::env::split_paths(&system)))?;
    command.env("PATH", path);
    Ok(command)
}
