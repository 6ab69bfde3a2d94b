//! The pages of this repository.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test that can't go on has failed; counts are shown"
)]

use daybook_pages::{count, link_faults, pages, repository, summary_faults};

#[test]
fn every_link_leads_somewhere() {
    let root = repository();
    let pages = pages(&root).unwrap();
    let links = pages.iter().map(|page| page.links.len()).sum::<usize>();
    assert!(links > 100, "only {links} links");
    assert_eq!(link_faults(&root, &pages), Vec::<String>::new());
}

#[test]
fn every_page_is_in_the_book_once() {
    assert_eq!(summary_faults(&pages(&repository()).unwrap()), Vec::<String>::new());
}

#[test]
fn every_block_is_run_or_says_what_it_needs() {
    let root = repository();
    let counts = count(&root, &pages(&root).unwrap());
    println!("{counts}");
    assert_eq!(counts.faults, Vec::<String>::new());
}
