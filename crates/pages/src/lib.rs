//! The documentation's pages: which there are, where their links lead, and what runs their blocks of code.
//!
//! A test that runs blocks takes them by the marks of the pages ([`Mark`]), and so does what counts them: a block that is
//! said to be run is one that its test has found.

pub mod ci;
mod count;
mod links;
mod page;
mod summary;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

pub use count::{Counts, Ran, count};
pub use links::{faults as link_faults, outside as linked_files};
pub use page::{Block, Link, Mark, Page};
pub use summary::faults as summary_faults;

/// Folders that hold no pages of the project: what is built, downloaded or hidden.
const LEFT_OUT: [&str; 3] = ["target", "node_modules", "__pycache__"];

/// The repository's top.
#[must_use]
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// Every Markdown file below a folder, by path.
///
/// # Errors
/// One can't be read.
pub fn pages(root: &Path) -> Result<Vec<Page>> {
    let mut found = Vec::new();
    collect(root, root, &mut found)?;
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Page>) -> Result<()> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || LEFT_OUT.contains(&&*name) {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(Page::read(root, path.strip_prefix(root)?)?);
        }
    }
    Ok(())
}

/// Pages of which a test runs something, by path: those that say so.
///
/// # Errors
/// Pages can't be read, or there is none: then the test would run nothing.
pub fn run_by(runner: &str) -> Result<Vec<Page>> {
    run_by_in(&repository(), runner)
}

/// The same in another copy of the repository.
///
/// # Errors
/// As [`run_by`].
pub fn run_by_in(root: &Path, runner: &str) -> Result<Vec<Page>> {
    let mark = Mark::RunBy(runner.to_owned());
    let mut pages = pages(root)?;
    pages.retain(|page| {
        page.mark.as_ref() == Some(&mark)
            || page.blocks.iter().any(|block| page.mark_of(block) == Some(&mark))
    });
    ensure!(!pages.is_empty(), "no page says that {runner} runs it");
    Ok(pages)
}

/// The text of the one block that a test runs.
///
/// # Errors
/// There is none, or more than one.
pub fn block_run_by(runner: &str) -> Result<String> {
    let mark = Mark::RunBy(runner.to_owned());
    let mut texts = Vec::new();
    for page in run_by(runner)? {
        texts.extend(
            page.blocks.iter().filter(|block| page.mark_of(block) == Some(&mark)).map(|b| b.text.clone()),
        );
    }
    ensure!(texts.len() == 1, "{} blocks say that {runner} runs them", texts.len());
    texts.pop().context("no block")
}
