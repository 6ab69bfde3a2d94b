//! docs/reasons: one page for each reason, and each page's example is refused for exactly that reason by the way that
//! records take, intake and projector.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use daybook_core::rejection::Reason;
use daybook_stream::decoder::{Decoder, IntakeSettings, position};
use daybook_stream::projection::Projection;
use daybook_stream::record::Record;
use daybook_wire::dead_letter;
use daybook_wire::topic::Topic;

/// In this order.
const SECTIONS: [&str; 4] = ["## What happened", "## Why it is refused", "## What to do", "## Example"];
/// When the examples' records were sent.
const NOW_MS: i64 = 1_768_996_800_000;
const PROJECT: &str = "shop";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/reasons")
}

fn page(reason: Reason) -> String {
    let path = folder().join(format!("{reason}.md"));
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The last fenced block of a page, which is its example: the words behind the fence and the lines.
fn example(page: &str) -> (Vec<&str>, Vec<&str>) {
    let (_, section) = page.split_once(SECTIONS[3]).unwrap();
    let (_, block) = section.split_once("```").unwrap();
    let (block, _) = block.split_once("\n```").unwrap();
    let mut lines = block.lines();
    (lines.next().unwrap().split(' ').collect(), lines.collect())
}

/// Reasons that records of charges are refused for, in order; `words` say how they come and what is set.
fn refused(words: &[&str], lines: &[&str]) -> Vec<Reason> {
    let number =
        |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('=')?.parse().ok());
    let mut intake = IntakeSettings::default();
    intake.record_bytes_max = number("record_bytes_max").unwrap_or(intake.record_bytes_max);
    let mut decoder = Decoder::new(intake);
    let mut projection = Projection::volatile();
    let mut outputs: Vec<(Topic, Record)> = Vec::new();
    if let Some(max) = number("history_max") {
        let value = format!(r#"{{"charges":{{"history_max":{max}}}}}"#).into();
        let record = Record { key: PROJECT.into(), value, ..Record::default() };
        let taken = decoder.settings(&record, &position("settings", 0, 0), NOW_MS);
        assert_eq!((taken.journal.len(), taken.refused.len()), (2, 0));
        taken.journal.iter().for_each(|record| projection.apply(record, &mut outputs).unwrap());
    }
    let mut reasons = Vec::new();
    for (line, offset) in lines.iter().zip(0..) {
        let header =
            (!words.contains(&"no_project")).then(|| (dead_letter::PROJECT.to_owned(), PROJECT.into()));
        let timestamp_ms = (!words.contains(&"no_timestamp")).then_some(NOW_MS);
        let headers = header.into_iter().collect();
        let record = Record { value: (*line).into(), headers, timestamp_ms, ..Record::default() };
        let taken = decoder.charges(&record, &position("charges", 0, offset), |_| timestamp_ms);
        reasons.extend(taken.refused.iter().map(|(rejection, ..)| rejection.reason));
        outputs.clear();
        taken.journal.iter().for_each(|record| projection.apply(record, &mut outputs).unwrap());
        reasons.extend(outputs.iter().filter_map(|(_, letter)| dead_letter::reason(&letter.headers)));
    }
    reasons
}

fn refused_settings(lines: &[&str]) -> Vec<Reason> {
    let taken = lines.iter().zip(0..).map(|(line, offset)| {
        let record = Record { key: PROJECT.into(), value: (*line).into(), ..Record::default() };
        Decoder::default().settings(&record, &position("settings", 0, offset), NOW_MS)
    });
    taken.flat_map(|taken| taken.refused).map(|(rejection, ..)| rejection.reason).collect()
}

#[test]
fn each_reason_has_a_page_and_no_page_is_of_another() {
    let pages: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    let index = "README.md".to_owned();
    let expected = Reason::ALL.iter().map(|reason| format!("{reason}.md")).chain([index]).collect();
    assert_eq!(pages, expected);
    let index = fs::read_to_string(folder().join("README.md")).unwrap();
    for reason in Reason::ALL {
        assert!(index.contains(&format!("[`{reason}`]({reason}.md)")), "the index does not list {reason}");
        let page = page(*reason);
        assert!(page.starts_with(&format!("# {reason}\n")), "{reason}: the title");
        let sections: Vec<&str> = page.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(sections, SECTIONS, "{reason}");
        let (_, what_to_do) = page.split_once(SECTIONS[2]).unwrap();
        assert!(what_to_do.contains("daybook dlq replay"), "{reason}: no way back");
    }
}

#[test]
fn each_example_is_refused_for_its_reason_alone() {
    for reason in Reason::ALL {
        let page = page(*reason);
        let (words, lines) = example(&page);
        let found =
            if words.contains(&"settings") { refused_settings(&lines) } else { refused(&words, &lines) };
        assert_eq!(found, [*reason], "{}", page.lines().next().unwrap());
    }
}

/// An example that is refused for more than its reason would teach the wrong thing: with that one fault mended it has
/// to be accepted.
#[test]
fn the_ground_of_the_examples_is_accepted() {
    let (words, lines) = (["jsonl"], example(&page(Reason::EventIdConflict)).1.join("\n"));
    let first = lines.lines().next().unwrap();
    assert_eq!(refused(&words, &[first, first]), []);
}
