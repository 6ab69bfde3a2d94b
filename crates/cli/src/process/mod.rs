//! `daybook process`: the engine over files.
//!
//! Deterministic: settings first, then charges as given; the clock is the records' own (Kafka timestamp, else event
//! time), one for all projects, then `--as-of`.

mod books;
mod lines;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, anyhow};
use daybook_core::calendar::TIME_MIN_MS;
use daybook_core::event::{Body, ChargeEvent, JournalRecord, SourcePosition};
use daybook_core::name::{Name, is_valid_project};
use daybook_core::rejection::Rejection;
use daybook_core::state::NoStore;
use daybook_stream::intake::{Decoder, IntakeSettings, Taken, dead_letter_record, position};
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
    let length = arguments.charges.iter().filter_map(|f| std::fs::metadata(f).ok()).map(|m| m.len()).sum();
    let bar = progress::bar(length, "processing", true);
    let mut offset = 0;
    for file in &arguments.charges {
        lines::read(file, arguments.input_format, &mut offset, &mut |record, position, bytes| {
            bar.inc(bytes);
            run.charge(record, &position)
        })?;
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
            self.journal(taken, &record, &position)?;
        }
        Ok(())
    }

    fn charge(&mut self, record: &Record, position: &SourcePosition) -> anyhow::Result<()> {
        let as_of = self.as_of;
        let clock = |event: &ChargeEvent| record.timestamp_ms.or(event.occurred_at_ms).or(as_of);
        let taken = self.decoder.charges(record, position, clock);
        self.events_read += taken.events();
        self.journal(taken, record, position)
    }

    fn journal(&mut self, taken: Taken, record: &Record, position: &SourcePosition) -> anyhow::Result<()> {
        for mut journalled in taken.journal {
            if let Body::Charge(event) = &journalled.body {
                if event.occurred_at_ms.or(record.timestamp_ms).is_none() {
                    // It has the time of `--as-of`, which the clock has not come to yet.
                    journalled.source_timestamp_ms = self.as_of;
                    journalled.recorded_at_ms = self.now_ms.unwrap_or(journalled.recorded_at_ms);
                } else {
                    let now = self
                        .now_ms
                        .map_or(journalled.recorded_at_ms, |now| now.max(journalled.recorded_at_ms));
                    self.now_ms = Some(now);
                    journalled.recorded_at_ms = now;
                }
            }
            self.apply(&journalled, Some(record))?;
        }
        for (rejection, project, item) in taken.refused {
            self.refuse(
                record,
                &rejection,
                project.as_deref(),
                &SourcePosition { item, ..position.clone() },
            )?;
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

    fn refuse(
        &mut self,
        record: &Record,
        rejection: &Rejection,
        project: Option<&str>,
        position: &SourcePosition,
    ) -> anyhow::Result<()> {
        let topic =
            if &*position.topic == Topic::Settings.name() { Topic::SettingsDlq } else { Topic::ChargesDlq };
        let letter = dead_letter_record(record, rejection, project, position);
        self.books.dead_letter(topic, rejection.reason.code(), &letter)
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
