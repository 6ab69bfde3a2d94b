//! Links between pages, and from pages to files.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::page::{Link, Page};

/// Where the book's pages are.
const BOOK: &str = "docs";

/// What is wrong with the links of pages: a file that there is not, an anchor that the page has not, a page outside the book
/// that a page of the book leads to (mdBook would make a dead link of it). Links to other sites are not followed.
#[must_use]
pub fn faults(root: &Path, pages: &[Page]) -> Vec<String> {
    let mut faults = Vec::new();
    for page in pages {
        for link in &page.links {
            if let Some(fault) = fault(root, pages, page, link) {
                faults.push(format!("{} line {}: {}: {fault}", page.path.display(), link.line, link.to));
            }
        }
    }
    faults
}

/// Files and folders outside the book that its pages lead to.
#[must_use]
pub fn outside(pages: &[Page]) -> BTreeSet<PathBuf> {
    let of_book = pages.iter().filter(|page| page.path.starts_with(BOOK));
    let targets = of_book.flat_map(|page| {
        let folder = page.path.parent().unwrap_or(Path::new(""));
        page.links
            .iter()
            .filter(|link| !link.to.contains(':'))
            .filter_map(move |link| joined(folder, link.to.split('#').next()?))
    });
    targets.filter(|target| !target.starts_with(BOOK)).collect()
}

fn fault(root: &Path, pages: &[Page], page: &Page, link: &Link) -> Option<String> {
    if link.to.contains("://") || link.to.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.to.split_once('#').unwrap_or((&link.to, ""));
    let target = if path.is_empty() {
        page.path.clone()
    } else {
        let Some(target) = joined(page.path.parent().unwrap_or(Path::new("")), path) else {
            return Some("leads out of the repository".to_owned());
        };
        target
    };
    if !root.join(&target).exists() {
        return Some("there is no such file".to_owned());
    }
    let is_page = target.extension().is_some_and(|extension| extension == "md");
    let in_book = target.starts_with(BOOK) && !target.ends_with("SUMMARY.md");
    if is_page && page.path.starts_with(BOOK) && !in_book {
        return Some("leads to a page that is not in the book".to_owned());
    }
    if anchor.is_empty() {
        return None;
    }
    let there = pages.iter().find(|page| page.path == target);
    let known = there.is_some_and(|page| page.anchors.contains(anchor));
    (!known).then(|| "the page has no such heading".to_owned())
}

/// A relative path from a folder, without `.` and `..`; none where it leaves the repository.
fn joined(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut target = folder.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => target.push(name),
            Component::ParentDir => {
                if !target.pop() {
                    return None;
                }
            }
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(target)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]
mod tests {
    use std::path::Path;

    use super::faults;
    use crate::page::Page;

    #[test]
    fn files_outside_the_book_are_found() {
        let text = "[a](b.md) [b](../schema.avsc) [c](#x) [d](../deploy/x#y) [e](https://example.com/)";
        let pages = [Page::parse(Path::new("docs/a.md"), text.to_owned())];
        let found: Vec<_> = super::outside(&pages).into_iter().collect();
        assert_eq!(found, [Path::new("deploy/x"), Path::new("schema.avsc")]);
    }

    #[test]
    fn broken_links_are_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("docs/sub")).unwrap();
        for file in ["README.md", "docs/a.md", "docs/sub/b.md", "docs/SUMMARY.md", "schema.avsc"] {
            std::fs::write(root.join(file), "").unwrap();
        }
        for (link, expected) in [
            ("a.md", None),
            ("#a-heading", None),
            ("a.md#a-heading", None),
            ("sub/b.md#b", None),
            ("../schema.avsc", None),
            ("../docs", None),
            ("https://example.com/x.md#y", None),
            ("c.md", Some("no such file")),
            ("#none", Some("no such heading")),
            ("sub/b.md#none", Some("no such heading")),
            ("../schema.avsc#x", Some("no such heading")),
            ("../README.md", Some("not in the book")),
            ("SUMMARY.md", Some("not in the book")),
            ("../../x.md", Some("out of the repository")),
            ("/docs/a.md", Some("out of the repository")),
        ] {
            let a = Page::parse(Path::new("docs/a.md"), format!("# A heading\n\n[text]({link})\n"));
            let b = Page::parse(Path::new("docs/sub/b.md"), "# B\n\n[a](../a.md)\n".to_owned());
            let readme = Page::parse(Path::new("README.md"), "# R\n\n[a](docs/a.md)\n".to_owned());
            let found = faults(root, &[a, b, readme]);
            match expected {
                None => assert_eq!(found, Vec::<String>::new(), "{link}"),
                Some(what) => assert!(found.len() == 1 && found[0].contains(what), "{link}: {found:?}"),
            }
        }
    }
}
