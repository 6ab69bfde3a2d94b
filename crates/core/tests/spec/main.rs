//! The accounting rules as tables, and the properties that hold for all of them.
//!
//! `rules/*.txt` hold one table per rule, a file per section of accounting.md. A line at the left margin is an
//! input; the indented lines below it are all that it must do. See [`table`] for the notation.
//!
//! A table is its own expectation: running it must give the same text. With `DAYBOOK_BLESS=1` the files are
//! rewritten instead, and `git diff` shows what has changed its meaning; every changed line needs a rule behind it.

#![allow(clippy::unwrap_used, reason = "a test that can't be set up fails")]
#![allow(clippy::disallowed_methods, reason = "the tables are files; the projector itself still reads none")]

mod arithmetic;
mod checks;
#[cfg(feature = "negative-controls")]
mod controls;
mod coverage;
mod generate;
mod properties;
mod render;
mod store;
mod table;

use std::fmt::Write;
use std::path::Path;

/// Runs every table of a section: the one check of this suite.
fn check(section: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spec/rules").join(section);
    let text = std::fs::read_to_string(&path).unwrap();
    let mut actual = String::new();
    let mut wrong = String::new();
    let mut titles = 0;
    for case in cases(&text) {
        titles += usize::from(case.starts_with("=="));
        let run = table::run(case);
        if run != case {
            let _ = writeln!(wrong, "{}", differences(case, &run));
        }
        actual.push_str(&run);
    }
    assert!(titles > 0, "{section} has no table");
    if std::env::var_os("DAYBOOK_BLESS").is_some() {
        std::fs::write(&path, actual).unwrap();
    } else {
        assert!(wrong.is_empty(), "{section}: not as the table says\n\n{wrong}");
    }
}

/// The tables of a file, each from its heading on, and what stands before the first.
fn cases(text: &str) -> Vec<&str> {
    let mut starts: Vec<usize> = text.match_indices("\n== ").map(|(at, _)| at + 1).collect();
    starts.insert(0, 0);
    starts.push(text.len());
    starts.windows(2).map(|w| &text[w[0]..w[1]]).collect()
}

/// A table's heading and the lines in which what it says and what happens differ.
fn differences(expected: &str, actual: &str) -> String {
    let mut out = expected.lines().next().unwrap_or_default().to_owned();
    let (expected, actual): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let same = expected.iter().zip(&actual).take_while(|(e, a)| e == a).count();
    let context = expected[..same].iter().rposition(|l| !l.starts_with(' ')).unwrap_or(0).max(1);
    for line in &expected[context.min(same)..same] {
        let _ = write!(out, "\n  {line}");
    }
    for (sign, lines) in [('-', &expected[same..]), ('+', &actual[same..])] {
        for line in lines.iter().take(12) {
            let _ = write!(out, "\n{sign} {line}");
        }
    }
    out + "\n"
}

macro_rules! sections {
    ($($name:ident = $file:literal,)+) => { $(
        #[test]
        fn $name() {
            check($file);
        }
    )+ };
}

sections! {
    section_1_parties_and_accounts = "1_parties.txt",
    section_2_kinds_of_event = "2_kinds.txt",
    section_3_a_charge_is_a_fold = "3_charges.txt",
    section_3_2_clearing_by_time = "3_2_clearing.txt",
    section_3_4_states = "3_4_states.txt",
    section_4_time_and_day = "4_days.txt",
    section_5_same_event_again = "5_identity.txt",
    section_6_fees = "6_fees.txt",
    section_7_aggregates = "7_aggregates.txt",
    section_7_profit = "7_profit.txt",
    section_7_kpis = "7_kpis.txt",
    section_8_splits = "8_splits.txt",
    section_8_rewards = "8_rewards.txt",
    section_9_profiles = "9_profiles.txt",
    amounts_and_currencies = "amounts.txt",
}
