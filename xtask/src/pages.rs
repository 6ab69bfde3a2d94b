//! `cargo xtask pages`: links and blocks of the documentation.

use anyhow::{Result, ensure};

use crate::command::root;

/// Prints what runs the pages' blocks, and what is wrong with them; fails if something is.
pub fn run() -> Result<()> {
    let pages = daybook_pages::pages(root())?;
    let counts = daybook_pages::count(root(), &pages);
    println!("{} pages, {} links", pages.len(), pages.iter().map(|page| page.links.len()).sum::<usize>());
    print!("{counts}");
    let parts =
        [daybook_pages::link_faults(root(), &pages), daybook_pages::summary_faults(&pages), counts.faults];
    let faults = parts.concat();
    ensure!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}
