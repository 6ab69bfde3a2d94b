//! `daybook dlq`: dead letters, seen and put back.

mod arguments;
mod letter;
mod letters;
mod record;
mod replay;

use std::io::{ErrorKind, Write, stderr, stdout};

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use daybook_stream::record::Record;
use daybook_wire::dead_letter;
use daybook_wire::time::push_rfc3339;
use serde::Serialize;

use crate::config::Config;
use crate::log::Log;
pub use arguments::DlqArguments;
use arguments::{DlqCommand, Input, ListArguments, ShowArguments};
use letter::{Letter, Source};
use letters::Letters;
use record::{Found, Origin, find};

/// Runs the command.
pub fn dlq(arguments: &DlqArguments) -> anyhow::Result<()> {
    let config = match &arguments.command {
        DlqCommand::List(arguments) => &arguments.config,
        DlqCommand::Show(arguments) => &arguments.config,
        DlqCommand::Replay(arguments) => &arguments.config,
    };
    let log = Log::open(&Config::load(config.as_deref())?)?;
    match &arguments.command {
        DlqCommand::List(arguments) => list(&log, arguments),
        DlqCommand::Show(arguments) => show(&log, arguments),
        DlqCommand::Replay(arguments) => replay::replay(&log, arguments),
    }
}

/// A dead letter as `list --json` prints it.
#[derive(Serialize)]
struct Line<'a> {
    letter: String,
    topic: &'a str,
    partition: u32,
    offset: u64,
    reason: &'a str,
    project: Option<&'a str>,
    path: &'a str,
    time: Option<String>,
    source_topic: Option<&'a str>,
    source_partition: Option<u32>,
    source_offset: Option<u64>,
    item: Option<u32>,
    replayed_from: Option<String>,
}

impl<'a> Line<'a> {
    fn of(letter: &'a Letter) -> Self {
        let source = letter.source.as_ref();
        Self {
            letter: letter.place.to_string(),
            topic: letter.place.topic.name(),
            partition: letter.place.partition,
            offset: letter.place.offset,
            reason: letter.code(),
            project: letter.project.as_deref(),
            path: &letter.path,
            time: letter.timestamp_ms.map(rfc3339),
            source_topic: source.map(|s| s.topic.as_str()),
            source_partition: source.map(|s| s.partition),
            source_offset: source.map(|s| s.offset),
            item: letter.item,
            replayed_from: letter.replayed.map(|place| place.to_string()),
        }
    }
}

fn rfc3339(time_ms: i64) -> String {
    let mut text = String::new();
    push_rfc3339(time_ms, &mut text);
    text
}

fn list(log: &Log, arguments: &ListArguments) -> anyhow::Result<()> {
    let inputs =
        arguments.topic.map_or(vec![Input::Charges, Input::Spend, Input::Settings], |input| vec![input]);
    let mut letters = Vec::new();
    for input in inputs {
        let read = Letters::read(log, input.letters())?.all;
        letters.extend(read.into_iter().filter(|letter| arguments.filter.takes(letter)));
    }
    letters.sort_by_key(|letter| (letter.timestamp_ms, letter.place));
    let (all, shown) = (letters.len(), letters.len().min(arguments.limit));
    let newest = &letters[all - shown..];
    if arguments.json {
        for letter in newest {
            say(&serde_json::to_string(&Line::of(letter)).context("failed to write a letter as JSON")?)?;
        }
    } else {
        say(&table(newest).trim_fmt())?;
    }
    if shown < all {
        // Beside the list: whoever reads it by a program counts its lines.
        let note = format!("daybook: the newest {shown} of {all} dead letters; --limit shows more\n");
        stderr().write_all(note.as_bytes()).context("failed to write to the terminal")?;
    }
    Ok(())
}

fn table(letters: &[Letter]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["letter", "reason", "project", "path", "time", "source", "item"]);
    for letter in letters {
        table.add_row([
            letter.place.to_string(),
            letter.code().to_owned(),
            letter.project.as_deref().map(printable).unwrap_or_default(),
            printable(&letter.path),
            letter.timestamp_ms.map(rfc3339).unwrap_or_default(),
            letter.source.as_ref().map(source).unwrap_or_default(),
            letter.item.map(|item| item.to_string()).unwrap_or_default(),
        ]);
    }
    if let Some(item) = table.column_mut(6) {
        item.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn source(source: &Source) -> String {
    format!("{}/{}:{}", source.topic, source.partition, source.offset)
}

fn show(log: &Log, arguments: &ShowArguments) -> anyhow::Result<()> {
    let letters = Letters::read(log, arguments.letter.topic)?;
    let letter = letters.at(arguments.letter)?;
    let found = find(log, &letters, &[letter])?.pop().flatten();
    if !arguments.value {
        say(&format!("letter: {}", letter.place))?;
        say(&format!("time: {}", letter.timestamp_ms.map(rfc3339).unwrap_or_default()))?;
        let place = (letter.place.partition, letter.place.offset);
        let own = log.pick(letter.place.topic, &[place].into())?.remove(&place).unwrap_or_default();
        headers(&own)?;
        say(&format!("record: {}\n", whence(letter, found.as_ref())))?;
    }
    let value = found.map(|found| found.record.value).with_context(|| {
        format!("failed to find the record of {}: it was too large to be kept with it", letter.place)
    });
    if arguments.value {
        return write(&[&value?, b"\n".as_slice()].concat());
    }
    let value = value.unwrap_or_default();
    write(&[&log.json_of(&value)?, b"\n".as_slice()].concat())
}

fn headers(letter: &Record) -> anyhow::Result<()> {
    say(&format!("key: {}", printable(&String::from_utf8_lossy(&letter.key))))?;
    for (name, value) in &letter.headers {
        say(&format!("{}: {}", printable(name), printable(&String::from_utf8_lossy(value))))?;
    }
    Ok(())
}

/// Where a letter's record comes from.
fn whence(letter: &Letter, found: Option<&Found>) -> String {
    match found.map(|found| &found.origin) {
        Some(Origin::Letter(place)) if *place == letter.place => "as received".to_owned(),
        Some(Origin::Letter(place)) => format!("as received, from {place}"),
        Some(Origin::Source) => {
            format!("as received, from {}", letter.source.as_ref().map(source).unwrap_or_default())
        }
        Some(Origin::Canonical) => {
            format!("gone from its topic; the event as refused ({})", dead_letter::CANONICAL)
        }
        None => "kept nowhere".to_owned(),
    }
}

/// A text that a sender gave: a terminal is to show it, not to obey it.
fn printable(text: &str) -> String {
    let is_shown = |c: char| matches!(c, '\'' | '"' | '\\');
    text.chars().fold(String::new(), |mut shown, c| {
        if is_shown(c) {
            shown.push(c)
        } else {
            shown.extend(c.escape_debug())
        }
        shown
    })
}

/// Prints a line.
fn say(text: &str) -> anyhow::Result<()> {
    write(format!("{text}\n").as_bytes())
}

/// Prints. Whoever closes the pipe has seen enough.
fn write(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("failed to write the output")
        }
        _ => Ok(()),
    }
}
