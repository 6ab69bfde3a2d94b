//! `daybook process`: the engine over files.
//!
//! Deterministic: settings first, then spend, then charges as given; the clock is the records' own (Kafka timestamp, else event
//! time), one for all projects, then `--as-of`.

mod books;
mod lines;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, anyhow};
use daybook_core::calendar::TIME_MIN_MS;
use daybook_core::event::{Body, ChargeEvent, JournalRecord, SourcePosition, SpendEvent};
use daybook_core::name::{Name, is_valid_project};
use daybook_core::state::NoStore;
use daybook_stream::decoder::{Decoder, IntakeSettings, Taken, position};
use daybook_stream::intake::dead_letter_record;
use daybook_stream::projection::Projection;
use daybook_stream::record::Record;
use daybook_wire::time::parse_rfc3339;
use daybook_wire::topic::Topic;

use crate::args::ProcessArguments;
use crate::exit::{Exit, ExitWith};
use crate::progress;
use books::BookWriter;

/// Runs the command.
pub fn process(arguments: &ProcessArguments) -> anyhow::Result<()> {
    let misconfigured = |message: String| ExitWith::error(Exit::Misconfigured, anyhow!(message));
    let as_of = match &arguments.as_of {
        None => None,
        Some(text) => Some(
            parse_rfc3339(text)
                .ok_or_else(|| misconfigured(format!("--as-of {text}: not an RFC 3339 time")))?,
        ),
    };
    if let Some(project) = arguments.project.as_ref().filter(|p| !is_valid_project(p)) {
        return Err(misconfigured(format!("--project {project}: must be 1 to 64 of A-Z a-z 0-9 . _ -")));
    }
    let settings = match &arguments.settings {
        None => Vec::new(),
        Some(file) => crate::settings::read(file)?,
    };
    // Before the folder is made, which must be empty the next time.
    arguments.spend.iter().chain(&arguments.charges).try_for_each(|file| lines::find(file))?;
    let mut run = Run {
        decoder: Decoder::new(IntakeSettings {
            default_project: arguments.project.clone(),
            ..IntakeSettings::default()
        }),
        projection: Projection::volatile(),
        books: BookWriter::create(&arguments.out)?,
        events_read: 0,
        now_ms: None,
        as_of,
        projects: BTreeSet::new(),
    };
    #[cfg(feature = "negative-controls")]
    run.projection.set_controls(daybook_stream::controls::Controls::from_env().core);
    run.settings(settings)?;
    let files = [(Topic::Spend, &arguments.spend), (Topic::Charges, &arguments.charges)];
    let lengths = files.iter().flat_map(|(_, files)| *files).filter_map(|f| std::fs::metadata(f).ok());
    let bar = progress::bar(lengths.map(|m| m.len()).sum(), "processing", true);
    for (topic, files) in files {
        let mut offset = 0;
        for file in files {
            lines::read(file, topic, arguments.input_format, &mut offset, &mut |record, position, bytes| {
                bar.inc(bytes);
                run.event(topic, record, &position)
            })?;
        }
    }
    bar.finish_and_clear();
    run.finish(&arguments.out)
}

struct Run {
    decoder: Decoder,
    projection: Projection<NoStore>,
    books: BookWriter,
    events_read: u64,
    /// The clock: the largest time of a record so far.
    now_ms: Option<i64>,
    as_of: Option<i64>,
    projects: BTreeSet<Name>,
}

impl Run {
    /// Settings come before any event and have no time of their own: they are of the first moment there is.
    fn settings(&mut self, settings: Vec<(String, String)>) -> anyhow::Result<()> {
        for (offset, (project, json)) in (0..).zip(settings) {
            let record = Record { key: project.into(), value: json.into(), ..Record::default() };
            let position = position(Topic::Settings.name(), 0, offset);
            let taken = self.decoder.settings(&record, &position, TIME_MIN_MS);
            self.journal(Topic::SettingsDlq, taken, &record, &position)?;
        }
        Ok(())
    }

    fn event(&mut self, topic: Topic, record: &Record, position: &SourcePosition) -> anyhow::Result<()> {
        let as_of = self.as_of;
        let (taken, dlq) = if topic == Topic::Spend {
            let clock = |event: &SpendEvent| record.timestamp_ms.unwrap_or(event.occurred_at_ms);
            (self.decoder.spend(record, position, clock), Topic::SpendDlq)
        } else {
            let clock = |event: &ChargeEvent| record.timestamp_ms.or(event.occurred_at_ms).or(as_of);
            (self.decoder.charges(record, position, clock), Topic::ChargesDlq)
        };
        self.events_read += taken.events();
        self.journal(dlq, taken, record, position)
    }

    fn journal(
        &mut self,
        dlq: Topic,
        taken: Taken,
        record: &Record,
        position: &SourcePosition,
    ) -> anyhow::Result<()> {
        for mut journalled in taken.journal {
            let timeless = |event: &ChargeEvent| event.occurred_at_ms.or(record.timestamp_ms).is_none();
            match &journalled.body {
                Body::Charge(event) if timeless(event) => {
                    // It has the time of `--as-of`, which the clock has not come to yet.
                    journalled.source_timestamp_ms = self.as_of;
                    journalled.recorded_at_ms = self.now_ms.unwrap_or(journalled.recorded_at_ms);
                }
                Body::Charge(_) | Body::Spend(_) => {
                    let own = journalled.recorded_at_ms;
                    journalled.recorded_at_ms = self.now_ms.map_or(own, |now| now.max(own));
                    self.now_ms = Some(journalled.recorded_at_ms);
                }
                Body::Settings(_) | Body::Tick => {}
            }
            self.apply(&journalled, Some(record))?;
        }
        for (rejection, project, item) in taken.refused {
            let position = SourcePosition { item, ..position.clone() };
            let letter = dead_letter_record(record, &rejection, project.as_deref(), &position);
            self.books.dead_letter(dlq, rejection.reason.code(), &letter)?;
        }
        Ok(())
    }

    fn apply(&mut self, journalled: &JournalRecord, received: Option<&Record>) -> anyhow::Result<()> {
        if !self.projects.contains(&journalled.project) {
            self.projects.insert(journalled.project.clone());
        }
        self.books.journal(journalled)?;
        self.books.received(received);
        // The store is memory: it can be read.
        let Ok(()) = self.projection.apply(journalled, &mut self.books);
        self.books.check()
    }

    fn finish(mut self, out: &Path) -> anyhow::Result<()> {
        if let Some(as_of) = self.as_of {
            for project in std::mem::take(&mut self.projects) {
                let tick = JournalRecord {
                    project,
                    recorded_at_ms: self.now_ms.map_or(as_of, |now| now.max(as_of)),
                    source_timestamp_ms: None,
                    source: None,
                    body: Body::Tick,
                };
                self.apply(&tick, None)?;
            }
        }
        self.projection.rows(&mut self.books);
        let counts = self.projection.counts().clone();
        // The process ends here: freeing a state of millions of values one by one would be its longest pause.
        std::mem::forget(self.projection);
        let summary = self.books.finish(self.events_read, &counts)?;
        let text = serde_json::to_string_pretty(&summary).context("failed to print the summary")?;
        std::fs::write(out.join("summary.json"), format!("{text}\n"))
            .with_context(|| format!("failed to write {}", out.join("summary.json").display()))?;
        println_summary(&text);
        Ok(())
    }
}

// The summary is what the command is asked for.
#[allow(clippy::print_stdout)]
fn println_summary(text: &str) {
    println!("{text}");
}
