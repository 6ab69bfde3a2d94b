//! What a deployment has published, as kcat reads it: committed records alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::deployment::Deployment;
use crate::books::Books;

/// Topics of which the last record of each key counts.
const COMPACTED: [&str; 3] = ["revenue.daily", "accounts.balances", "rewards.balances"];
/// Suffix of the event id of a clearing by time.
const CLEARS_SUFFIX: &str = "#clears";

/// A record as `kcat -J` prints it.
#[derive(Clone, Debug, Deserialize)]
pub struct KcatRecord {
    /// Partition.
    pub partition: i32,
    /// Offset in it.
    pub offset: i64,
    /// Key.
    pub key: Option<String>,
    /// Value, as text.
    pub payload: Option<String>,
    /// Names and values of headers in turn.
    #[serde(default)]
    pub headers: Vec<String>,
}

impl KcatRecord {
    /// The last header of a name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.chunks_exact(2).rev().find(|pair| pair[0] == name).map(|pair| pair[1].as_str())
    }

    fn value(&self) -> Result<Value> {
        serde_json::from_str(self.payload.as_deref().unwrap_or_default()).context("a value is no JSON")
    }
}

/// All records of a topic, in order by partition.
///
/// # Errors
/// kcat fails.
pub fn records(deployment: &Deployment, topic: &str) -> Result<Vec<KcatRecord>> {
    let name = deployment.topic(topic);
    let level = ["-X", "isolation.level=read_committed"];
    let printed = deployment
        .broker
        .kcat(&[&["-C", "-t", &name, "-o", "beginning", "-e", "-q", "-J"], &level[..]].concat(), None)?;
    printed
        .lines()
        .map(|line| serde_json::from_str(line).with_context(|| format!("kcat prints {line}")))
        .collect()
}

/// Writes what a deployment has published as `process` would have; `events` is how many were sent.
///
/// # Errors
/// It can't be read, or an entry is there twice.
pub fn collect(deployment: &Deployment, events: u64, into: &Path) -> Result<Books> {
    fs::create_dir_all(into)?;
    let write = |topic: &str, lines: &mut dyn Iterator<Item = Value>| -> Result<()> {
        let mut file = std::io::BufWriter::new(fs::File::create(into.join(format!("{topic}.jsonl")))?);
        for line in lines {
            writeln!(file, "{line}")?;
        }
        Ok(file.flush()?)
    };
    for topic in COMPACTED {
        let mut last: BTreeMap<String, Value> = BTreeMap::new();
        for record in records(deployment, topic)? {
            last.insert(record.key.clone().unwrap_or_default(), record.value()?);
        }
        write(topic, &mut last.into_iter().map(|(key, value)| json!({"key": key, "value": value})))?;
    }
    let entries = records(deployment, "ledger.entries")?;
    let accepted = count_primary(&entries)?;
    let entries =
        entries.iter().map(|r| Ok(json!({"key": r.key, "value": r.value()?}))).collect::<Result<Vec<_>>>()?;
    write("ledger.entries", &mut entries.into_iter())?;

    // Intake is at least once: what it refuses may be told twice, with the same position.
    let mut seen = BTreeSet::new();
    let mut letters: BTreeMap<String, u64> = BTreeMap::new();
    let mut lines = Vec::new();
    for letter in records(deployment, "charges.dlq")? {
        let of = |name: &str| letter.header(name).unwrap_or_default().to_owned();
        let position = (of("__streams.errors.partition"), of("__streams.errors.offset"), of("daybook-item"));
        ensure!(!position.1.is_empty(), "a dead letter without a position: {letter:?}");
        let again = !seen.insert(position.clone());
        // What the projector refuses is part of its transaction: once.
        ensure!(!again || letter.header("daybook-canonical").is_none(), "{position:?} was refused twice");
        if !again {
            *letters.entry(of("daybook-reason")).or_default() += 1;
            lines.push(json!({"key": letter.key, "value": letter.payload}));
        }
    }
    write("charges.dlq", &mut lines.into_iter())?;
    let refused: u64 = letters.values().sum();
    let duplicates = events.checked_sub(accepted + refused).with_context(|| {
        format!("{accepted} events accepted and {refused} refused, but only {events} were sent")
    })?;
    let summary = json!({"accepted": accepted, "duplicates": duplicates, "dead_letters": letters, "events_read": events});
    fs::write(into.join("summary.json"), summary.to_string())?;
    Ok(Books::in_folder(into))
}

/// How many events have a primary entry. Each has one.
fn count_primary(entries: &[KcatRecord]) -> Result<u64> {
    let mut seen = BTreeSet::new();
    let mut numbers: BTreeMap<String, u64> = BTreeMap::new();
    for record in entries {
        let entry = record.value()?;
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        let project = text("project_id");
        let last = numbers.entry(project.clone()).or_default();
        *last += 1;
        ensure!(
            entry["entry_number"] == *last,
            "{project}: entry {} stands where {last} belongs",
            entry["entry_number"]
        );
        if text("kind") != "adjustment" && !text("event_id").ends_with(CLEARS_SUFFIX) {
            let identity = (project, text("event_id"), entry["event_line"].as_u64());
            ensure!(seen.insert(identity.clone()), "{identity:?} has two primary entries");
        }
    }
    Ok(seen.len() as u64)
}
