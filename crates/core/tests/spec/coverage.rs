//! Every rule of docs/accounting.md has a test that names it: the heading of a table (`== 3.4 …`, ``== 2 `refund` …``,
//! `== 7 roas …`), or a function (`rule_6_4_…`, `invariant_5_…`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The rules of the page: numbered ones as `3.4`, rows of the tables as ``2 `refund` `` and `7 roas`, invariants as
/// `10.5`, and the sections that have neither.
fn rules(page: &str) -> BTreeSet<String> {
    let mut rules: BTreeSet<String> = ["4", "8 splits", "8 rewards", "7 kpis", "9"].map(str::to_owned).into();
    let mut section = 0;
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading.split('.').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        } else if let Some(rule) = line.strip_prefix("- **") {
            rules.extend(rule.split("**").next().map(str::to_owned));
        } else if let Some(row) = line.strip_prefix("| ")
            && !row.starts_with("---")
        {
            let name = row.split('|').next().unwrap_or_default();
            match section {
                // `refund` R, P, V: the kinds are in backticks, their figures are not.
                2 => rules.extend(name.split('`').skip(1).step_by(2).map(|kind| format!("2 `{kind}`"))),
                7 if name.trim() != "column" => {
                    rules.extend(name.split(',').map(|column| format!("7 {}", column.trim())));
                }
                _ => {}
            }
        } else if section == 10
            && let Some((number, _)) = line.split_once(". ")
            && number.parse::<u8>().is_ok()
        {
            rules.insert(format!("10.{number}"));
        }
    }
    rules
}

/// What the tests name: headings of tables, and functions.
fn named() -> Vec<String> {
    let read =
        |path: PathBuf| std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let files = |folder: &str| {
        let folder = root().join(folder);
        let entries = std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect::<Vec<_>>()
    };
    let mut named = Vec::new();
    for path in files("crates/core/tests/spec/rules") {
        named.extend(read(path).lines().filter_map(|l| l.strip_prefix("== ").map(str::to_owned)));
    }
    for path in ["crates/core/tests/spec", "crates/wire/tests/codecs"].iter().flat_map(|folder| files(folder))
    {
        for line in read(path).lines() {
            let Some(function) = line.trim_start().strip_prefix("fn ") else { continue };
            let parts: Vec<&str> = function.split('_').collect();
            match parts.as_slice() {
                ["rule", section, number, ..] => named.push(format!("{section}.{number} ")),
                ["invariant", number, ..] => named.push(format!("10.{number} ")),
                ["invariants", first, "to", last, ..] => {
                    let (first, last): (u8, u8) = (first.parse().unwrap(), last.parse().unwrap());
                    named.extend((first..=last).map(|number| format!("10.{number} ")));
                }
                _ => {}
            }
        }
    }
    named
}

/// Whether a heading names a rule: it begins with its number, or with its section and holds its row.
fn names(heading: &str, rule: &str) -> bool {
    let word = |text: &str, wanted: &str| {
        let inside = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        text.match_indices(wanted).any(|(at, _)| {
            let after = &text[at + wanted.len()..];
            !text[..at].ends_with(inside) && !after.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        })
    };
    match rule.split_once(' ') {
        Some((section, row)) => heading.starts_with(&format!("{section} ")) && word(heading, row),
        None => heading == rule || heading.starts_with(&format!("{rule} ")),
    }
}

#[test]
fn every_rule_has_a_test_that_names_it() {
    let page = std::fs::read_to_string(root().join("docs/accounting.md")).unwrap();
    let (rules, named) = (rules(&page), named());
    assert!(rules.len() > 60, "the page is not read as it is written: {rules:?}");
    let missing: Vec<&String> = rules.iter().filter(|rule| !named.iter().any(|n| names(n, rule))).collect();
    assert!(missing.is_empty(), "no test names {missing:?}");
}

#[test]
fn a_rule_without_a_test_is_noticed() {
    let page = "## 2. Kinds\n| kind | from | does |\n| --- | --- | --- |\n| `bribe` A, `gift` | x | y |\n## 3. X\n- **3.99** a rule\n";
    let rules = rules(page);
    assert!(["2 `bribe`", "2 `gift`", "3.99"].iter().all(|rule| rules.contains(*rule)), "{rules:?}");
    assert!(!named().iter().any(|n| names(n, "3.99") || names(n, "2 `bribe`")));
    assert!(names("3.4 all", "3.4") && !names("3.41 all", "3.4"));
    assert!(names("2 `refund`: x", "2 `refund`") && !names("2 `refund_rest`", "2 `refund`"));
    assert!(names("7 roas is", "7 roas") && !names("7 owner_roas is", "7 roas"));
}
