//! The book's table of contents: `docs/SUMMARY.md`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::page::Page;

const SUMMARY: &str = "docs/SUMMARY.md";

/// What is wrong with the table of contents: a page of the book that it does not list, or lists twice, and an entry that
/// is no page.
#[must_use]
pub fn faults(pages: &[Page]) -> Vec<String> {
    let Some(summary) = pages.iter().find(|page| page.path == Path::new(SUMMARY)) else {
        return vec![format!("there is no {SUMMARY}")];
    };
    let mut times: BTreeMap<PathBuf, u32> = pages
        .iter()
        .filter(|page| page.path.starts_with("docs") && page.path != summary.path)
        .map(|page| (page.path.clone(), 0))
        .collect();
    let mut faults = Vec::new();
    for link in &summary.links {
        match times.get_mut(&Path::new("docs").join(&link.to)) {
            Some(times) => *times += 1,
            None => faults.push(format!("{SUMMARY} line {}: {} is no page of the book", link.line, link.to)),
        }
    }
    for (path, times) in times.into_iter().filter(|(_, times)| *times != 1) {
        faults.push(format!("{SUMMARY} lists {} {times} times", path.display()));
    }
    faults
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::faults;
    use crate::page::Page;

    #[test]
    fn what_is_not_listed_once_is_noticed() {
        for (summary, expected) in [
            ("- [A](a.md)\n- [B](sub/b.md)\n", Vec::new()),
            ("- [A](a.md)\n", vec!["docs/SUMMARY.md lists docs/sub/b.md 0 times"]),
            ("- [A](a.md)\n- [A](a.md)\n- [B](sub/b.md)\n", vec!["docs/SUMMARY.md lists docs/a.md 2 times"]),
            (
                "- [A](a.md)\n- [B](sub/b.md)\n- [C](c.md)\n",
                vec!["docs/SUMMARY.md line 3: c.md is no page of the book"],
            ),
        ] {
            let page = |path: &str, text: &str| Page::parse(Path::new(path), text.to_owned());
            let pages = [
                page("README.md", ""),
                page("docs/SUMMARY.md", summary),
                page("docs/a.md", ""),
                page("docs/sub/b.md", ""),
            ];
            assert_eq!(faults(&pages), expected, "{summary}");
        }
        assert_eq!(faults(&[]), ["there is no docs/SUMMARY.md"]);
    }
}
