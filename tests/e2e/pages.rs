//! Pages of the documentation are run as they stand: their commands print what they say they print.
//!
//! Each block of `sh` is run in one folder a page; a block of `text` right behind it is what it must print. With
//! `DAYBOOK_BLESS=1` such blocks are rewritten instead, and `git diff` shows what has changed.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use daybook_tests::binary::{Binary, finish, without_settings};

/// What pages call this file: those that do are run.
const RUNNER: &str = "tests/e2e/pages.rs";

/// Runs a page.
pub struct Runner {
    /// The folder that its commands are run in.
    pub folder: tempfile::TempDir,
    path: std::ffi::OsString,
}

impl Runner {
    /// One with an empty folder.
    pub fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let binary = Binary::under_test()?.command();
        let own = Path::new(binary.get_program()).parent().context("a binary is in a folder")?;
        let system = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([own.to_owned()].into_iter().chain(std::env::split_paths(&system)))?;
        Ok(Self { folder, path })
    }

    /// Runs a block, which must end with 0; what it prints.
    pub fn run(&self, shell: &str) -> Result<String> {
        let mut bash = Command::new("bash");
        bash.args(["-eu", "-c", shell]).current_dir(self.folder.path());
        without_settings(&mut bash);
        // Its users' letters are not ASCII.
        let ended = finish(bash.env("PATH", &self.path).env("LC_ALL", "C.UTF-8"))?;
        Ok(ended.with(0).with_context(|| shell.to_owned())?.stdout.clone())
    }
}

/// Lines without the spaces that fill a table's last column.
fn trimmed(text: &str) -> String {
    text.lines().fold(String::new(), |mut out, line| {
        out.push_str(line.trim_end());
        out.push('\n');
        out
    })
}

/// Runs a page; at least so many of its blocks must say what they print.
fn check(page: &str, printing_min: usize) -> Result<()> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(page);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let runner = Runner::new()?;
    let parts: Vec<&str> = text.split("```").collect();
    let mut blessed = String::new();
    let mut wrong = String::new();
    let (mut printing, mut printed) = (0, None::<(&str, String)>);
    for (i, part) in parts.iter().enumerate() {
        blessed.push_str(if i > 0 { "```" } else { "" });
        let inside = i % 2 == 1;
        if let Some(shell) = part.strip_prefix("sh\n").filter(|_| inside) {
            let found = trimmed(&runner.run(shell).with_context(|| page.to_owned())?);
            let shown = parts.get(i + 2).is_some_and(|next| next.starts_with("text\n"))
                && parts.get(i + 1).is_some_and(|between| between.trim().is_empty());
            if !shown && !found.trim().is_empty() {
                let _ = writeln!(wrong, "{shell}\nprints, which the page does not say\n{found}");
            }
            printed = shown.then_some((shell, found));
        } else if let (Some(expected), Some((shell, found))) =
            (part.strip_prefix("text\n").filter(|_| inside), &printed)
        {
            printing += 1;
            if trimmed(expected) != *found {
                let _ = writeln!(wrong, "{shell}\nprints\n{found}\ninstead of\n{expected}");
            }
            let _ = write!(blessed, "text\n{found}");
            printed = None;
            continue;
        }
        blessed.push_str(part);
    }
    ensure!(printing >= printing_min, "{page}: only {printing} blocks say what they print");
    if std::env::var_os("DAYBOOK_BLESS").is_some() {
        return Ok(std::fs::write(path, blessed)?);
    }
    ensure!(wrong.is_empty(), "{page}\n{wrong}");
    Ok(())
}

#[test]
fn each_page_that_says_so_is_run() -> Result<()> {
    let marked = daybook_pages::run_by(RUNNER)?;
    let marked: BTreeSet<_> =
        marked.iter().filter_map(|page| page.path.strip_prefix("docs").ok()?.to_str()).collect();
    ensure!(marked == BTreeSet::from(PAGES), "say that they are run: {marked:?}; are: {PAGES:?}");
    Ok(())
}

macro_rules! pages {
    ($($name:ident = $page:literal, $printing_min:literal;)+) => {
        const PAGES: [&str; [$($page),+].len()] = [$($page),+];
        $(
        #[test]
        fn $name() -> Result<()> {
            check($page, $printing_min)
        }
    )+ };
}

pages! {
    reports = "reports.md", 6;
    seed_000_the_charge_event = "seeds/000-charge-event.md", 3;
    seed_001_the_ledger = "seeds/001-ledger.md", 5;
    seed_002_revenue_and_splits = "seeds/002-revenue-and-splits.md", 5;
    seed_003_the_standard_transaction = "seeds/003-standard-transaction.md", 4;
    the_track_envelope = "formats/track.md", 1;
    the_standard_transaction = "formats/standard-transaction.md", 1;
    the_sales_event = "formats/sales-event.md", 1;
    the_canonical_charge = "formats/canonical-charge.md", 1;
    the_spend_event = "formats/spend-event.md", 1;
    settings = "formats/settings.md", 4;
    projects = "how-to/projects.md", 3;
    webhooks_of_stripe = "producers/stripe.md", 3;
    webhooks_of_adyen = "producers/adyen.md", 3;
}
