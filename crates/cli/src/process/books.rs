//! Writing the books: `DIR/<topic>.jsonl` and the summary.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use daybook_core::event::JournalRecord;
use daybook_stream::batch::Outputs;
use daybook_stream::projection::Counts;
use daybook_stream::record::Record;
use daybook_wire::output::push_str;
use daybook_wire::topic::Topic;
use daybook_wire::{dead_letter, journal};
use serde::Serialize;

use crate::exit::{Exit, ExitWith};

/// Topics that `process` writes beside those that are projected.
const BESIDES: [Topic; 4] = [Topic::Journal, Topic::ChargesDlq, Topic::SpendDlq, Topic::SettingsDlq];

/// `summary.json`.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Payload items of `charges`, its other records, records of `spend`; an empty envelope is one.
    events_read: u64,
    /// Charge events in the books.
    accepted: u64,
    /// Spend events in the books.
    accepted_spend: u64,
    /// Events that were in the books already.
    duplicates: u64,
    /// Records that stand twice in the input: same topic, partition and offset.
    already_seen: u64,
    /// Events refused, by reason.
    dead_letters: BTreeMap<String, u64>,
    /// Entries, adjusting entries included.
    entries: u64,
    /// Adjusting entries.
    adjustments: u64,
}

/// Writes the files of a folder.
pub struct BookWriter {
    folder: PathBuf,
    files: BTreeMap<Topic, BufWriter<File>>,
    /// Rows of compacted topics, each key once, to be written sorted: then equal books are equal files.
    rows: Vec<(Topic, String, Vec<u8>)>,
    dead_letters: BTreeMap<String, u64>,
    /// The record under way as received: a dead letter of the projector shows it.
    received: Option<Record>,
    line: String,
    bytes: Vec<u8>,
    failed: Option<std::io::Error>,
}

impl BookWriter {
    /// Makes the folder, which must be absent or empty: books are never mixed.
    pub fn create(folder: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
        let mut found =
            std::fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))?;
        if found.next().is_some() {
            let message = format!("--out {}: not empty; name a new folder or empty it", folder.display());
            return Err(ExitWith::error(Exit::Misconfigured, anyhow!(message)));
        }
        let mut files = BTreeMap::new();
        for topic in Topic::PROJECTED.into_iter().chain(BESIDES) {
            let path = folder.join(format!("{}.jsonl", topic.name()));
            let file = File::create(&path).with_context(|| format!("failed to make {}", path.display()))?;
            files.insert(topic, BufWriter::with_capacity(1 << 18, file));
        }
        Ok(Self {
            folder: folder.to_owned(),
            files,
            rows: Vec::new(),
            dead_letters: BTreeMap::new(),
            received: None,
            line: String::new(),
            bytes: Vec::new(),
            failed: None,
        })
    }

    /// Notes the record under way.
    pub fn received(&mut self, record: Option<&Record>) {
        match (record, &mut self.received) {
            (Some(record), Some(received)) => received.clone_from(record),
            (record, received) => *received = record.cloned(),
        }
    }

    /// Writes a journal record, its bytes as base64.
    pub fn journal(&mut self, record: &JournalRecord) -> anyhow::Result<()> {
        self.bytes.clear();
        journal::encode(record, &mut self.bytes);
        self.line.clear();
        self.line.push_str("{\"key\":");
        push_str(&mut self.line, &record.project);
        self.line.push_str(",\"value\":\"");
        BASE64.encode_string(&self.bytes, &mut self.line);
        self.line.push_str("\"}\n");
        self.write(Topic::Journal, &[]);
        self.check()
    }

    /// Writes a dead letter.
    pub fn dead_letter(&mut self, topic: Topic, code: &str, letter: &Record) -> anyhow::Result<()> {
        self.letter(topic, code, letter);
        self.check()
    }

    /// `{"headers":{…},"key":…,"value":"the text as received"}`.
    fn letter(&mut self, topic: Topic, code: &str, letter: &Record) {
        *self.dead_letters.entry(code.to_owned()).or_default() += 1;
        self.line.clear();
        self.line.push_str("{\"headers\":{");
        let headers: BTreeMap<&str, &[u8]> =
            letter.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        for (i, (name, value)) in headers.into_iter().enumerate() {
            if i > 0 {
                self.line.push(',');
            }
            push_str(&mut self.line, name);
            self.line.push(':');
            push_str(&mut self.line, &String::from_utf8_lossy(value));
        }
        self.line.push_str("},\"key\":");
        push_str(&mut self.line, &String::from_utf8_lossy(&letter.key));
        self.line.push_str(",\"value\":");
        push_str(&mut self.line, &String::from_utf8_lossy(&letter.value));
        self.line.push_str("}\n");
        self.write(topic, &[]);
    }

    /// Writes the line under way and what follows it. The first failure waits for [`BookWriter::check`].
    fn write(&mut self, topic: Topic, rest: &[&[u8]]) {
        let Some(file) = self.files.get_mut(&topic) else { return };
        let mut parts = std::iter::once(self.line.as_bytes()).chain(rest.iter().copied());
        if let Err(error) = parts.try_for_each(|part| file.write_all(part)) {
            self.failed.get_or_insert(error);
        }
    }

    /// The first failure to write, if there was one.
    pub fn check(&mut self) -> anyhow::Result<()> {
        match self.failed.take() {
            None => Ok(()),
            Some(error) => {
                Err(error).with_context(|| format!("failed to write to {}", self.folder.display()))
            }
        }
    }

    /// Writes the rows, ends the files and sums up.
    pub fn finish(mut self, events_read: u64, counts: &Counts) -> anyhow::Result<Summary> {
        let mut rows = std::mem::take(&mut self.rows);
        rows.sort_unstable();
        for (topic, key, value) in &rows {
            self.record(*topic, key, value);
        }
        self.check()?;
        for file in self.files.values_mut() {
            file.flush().with_context(|| format!("failed to write to {}", self.folder.display()))?;
        }
        Ok(Summary {
            events_read,
            accepted: counts.accepted,
            accepted_spend: counts.accepted_spend,
            duplicates: counts.duplicates,
            already_seen: counts.already_seen,
            dead_letters: self.dead_letters,
            entries: counts.entries,
            adjustments: counts.adjustments,
        })
    }

    fn record(&mut self, topic: Topic, key: &str, value: &[u8]) {
        self.line.clear();
        self.line.push_str("{\"key\":");
        push_str(&mut self.line, key);
        self.line.push_str(",\"value\":");
        self.write(topic, &[value, b"}\n"]);
    }
}

impl Outputs for BookWriter {
    fn put(
        &mut self,
        topic: Topic,
        key: &str,
        value: &[u8],
        headers: Vec<(String, Vec<u8>)>,
        timestamp_ms: Option<i64>,
    ) {
        if matches!(topic, Topic::ChargesDlq | Topic::SpendDlq) {
            let code = dead_letter::reason(&headers).map(|r| r.code()).unwrap_or_default();
            // Here the text is at hand, so the letter shows it instead of the canonical event.
            let mut letter = self.received.clone().unwrap_or_default();
            letter.timestamp_ms = timestamp_ms;
            let added = headers.into_iter().filter(|(name, _)| name != dead_letter::CANONICAL);
            letter.headers.extend(added);
            self.letter(topic, code, &letter);
        } else if topic.is_compacted() {
            self.rows.push((topic, key.to_owned(), value.to_vec()));
        } else {
            self.record(topic, key, value);
        }
    }
}
