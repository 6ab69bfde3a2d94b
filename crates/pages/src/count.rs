//! How many blocks are run, by what, and how many are not, for want of what.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use crate::ci;
use crate::page::{Block, Mark, Page};

/// What runs pages of commands; their blocks say how by comments of their own.
pub const COMMANDS: &str = "xtask/src/readme";

/// What becomes of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ran {
    /// Run by this test or step.
    By(String),
    /// Not run, for this reason.
    Not(String),
}

/// The blocks of some pages.
#[derive(Debug, Default)]
pub struct Counts {
    /// Blocks by what runs them.
    pub run: BTreeMap<String, u32>,
    /// Blocks that nothing runs: where they are, and what they need.
    pub not_run: Vec<(String, String)>,
    /// Blocks that only show something.
    pub shown: u32,
    /// What is wrong.
    pub faults: Vec<String>,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by: Vec<String> = self.run.iter().map(|(by, count)| format!("{count} by {by}")).collect();
        let (run, not_run) = (self.run.values().sum::<u32>(), self.not_run.len());
        writeln!(
            f,
            "{run} blocks run ({}), {not_run} not run, {} that only show something",
            by.join(", "),
            self.shown
        )?;
        for (place, reason) in &self.not_run {
            writeln!(f, "  not run: {place}: {reason}")?;
        }
        Ok(())
    }
}

/// Counts the blocks of pages below a folder. A fault is a block to be run that says neither what runs it nor why nothing does,
/// a language that is not known, or a test that does not take its pages by the marks.
#[must_use]
pub fn count(root: &Path, pages: &[Page]) -> Counts {
    let mut counts = Counts::default();
    for page in pages {
        let commands = match ci::parse(&page.text) {
            Ok(commands) => commands,
            Err(error) if page.mark == Some(Mark::RunBy(COMMANDS.to_owned())) => {
                counts.faults.push(format!("{}: {error}", page.path.display()));
                continue;
            }
            Err(_) => Vec::new(),
        };
        for block in &page.blocks {
            let place = format!("{} line {}", page.path.display(), block.line);
            match ran(page, block, &commands) {
                Ok(None) => counts.shown += 1,
                Ok(Some(Ran::By(runner))) => {
                    if !takes_marks(root, &runner) {
                        counts
                            .faults
                            .push(format!("{place}: {runner} does not take its pages by their marks"));
                    }
                    *counts.run.entry(runner).or_default() += 1;
                }
                Ok(Some(Ran::Not(reason))) => counts.not_run.push((place, reason)),
                Err(fault) => counts.faults.push(format!("{place}: {fault}")),
            }
        }
    }
    counts
}

/// What becomes of a block; none if it only shows something.
fn ran(page: &Page, block: &Block, commands: &[ci::Block]) -> Result<Option<Ran>, String> {
    let by_commands = || match commands.iter().find(|command| command.line == block.line).map(|c| &c.mode) {
        Some(ci::Mode::Skip { reason }) => Ok(Some(Ran::Not(reason.clone()))),
        Some(_) => Ok(Some(Ran::By(COMMANDS.to_owned()))),
        None => Err("no step runs it by its comment".to_owned()),
    };
    let is_command = match (block.is_command(), block.is_shown()) {
        (false, false) => return Err(format!("`{}` is no known language of a block", block.language)),
        (is_command, _) => is_command,
    };
    match page.mark_of(block) {
        None if is_command => Err("says neither what runs it (`<!-- run by FILE -->`) nor why nothing does \
                                   (`<!-- not run: needs WHAT -->`)"
            .to_owned()),
        Some(Mark::NotRun(reason)) if reason.is_empty() => Err("says not what it needs".to_owned()),
        Some(Mark::NotRun(reason)) => Ok(Some(Ran::Not(reason.clone()))),
        Some(Mark::RunBy(runner)) if runner != COMMANDS => Ok(Some(Ran::By(runner.clone()))),
        Some(Mark::Ci(_)) if page.mark != Some(Mark::RunBy(COMMANDS.to_owned())) => {
            Err(format!("the page does not say `<!-- run by {COMMANDS} -->`"))
        }
        Some(Mark::RunBy(_) | Mark::Ci(_)) => by_commands(),
        None => Ok(None),
    }
}

/// Whether a test takes its pages from this crate, by its own name.
fn takes_marks(root: &Path, runner: &str) -> bool {
    let path = root.join(runner);
    let file = if path.is_dir() { path.join("mod.rs") } else { path };
    let source = std::fs::read_to_string(file).unwrap_or_default();
    source.contains("daybook_pages::") && source.contains(&format!("\"{runner}\""))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use std::path::Path;

    use super::count;
    use crate::page::Page;

    #[test]
    fn a_block_that_is_neither_run_nor_marked_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("xtask/src/readme")).unwrap();
        std::fs::write(root.join("xtask/src/readme/mod.rs"), "daybook_pages::run_by(\"xtask/src/readme\")")
            .unwrap();
        std::fs::write(root.join("good.rs"), "daybook_pages::run_by(\"good.rs\")").unwrap();
        std::fs::write(root.join("list.rs"), "const PAGES: [&str; 1] = [\"a.md\"];").unwrap();
        let commands = "# A\n\n<!-- run by xtask/src/readme -->\n\nText.\n\n";
        for (text, expected) in [
            ("```text\na\n```\n", Ok((0, 0, 1))),
            ("# A\n\n<!-- run by good.rs -->\n\nText.\n\n```sh\na\n```\n```text\na\n```\n", Ok((1, 0, 1))),
            ("<!-- not run: needs a cluster -->\n```console\na\n```\n", Ok((0, 1, 0))),
            (&format!("{commands}<!-- ci: run -->\n```sh\na\n```\n"), Ok((1, 0, 0))),
            (&format!("{commands}<!-- ci: skip: needs a key -->\n```sh\na\n```\n"), Ok((0, 1, 0))),
            ("```sh\na\n```\n", Err("neither what runs it")),
            ("```python\na\n```\n", Err("neither what runs it")),
            ("```promql\na\n```\n", Err("neither what runs it")),
            ("```\na\n```\n", Err("no known language")),
            ("```basic\na\n```\n", Err("no known language")),
            ("<!-- not run: -->\n```sh\na\n```\n", Err("says not what it needs")),
            ("<!-- run by list.rs -->\n```sh\na\n```\n", Err("does not take its pages by their marks")),
            ("<!-- run by none.rs -->\n```sh\na\n```\n", Err("does not take its pages by their marks")),
            ("<!-- ci: run -->\n```sh\na\n```\n", Err("does not say `<!-- run by xtask/src/readme -->`")),
            (&format!("{commands}```sh\na\n```\n"), Err("no `<!-- ci: … -->` before this block")),
        ] {
            let counts = count(root, &[Page::parse(Path::new("docs/a.md"), text.to_owned())]);
            match expected {
                Ok(expected) => {
                    let found = (counts.run.values().sum::<u32>(), counts.not_run.len(), counts.shown);
                    assert_eq!((found, counts.faults), (expected, Vec::new()), "{text}");
                }
                Err(what) => {
                    let found = &counts.faults;
                    assert!(found.len() == 1 && found[0].contains(what), "{text}: {found:?}");
                }
            }
        }
    }
}
