//! `daybook dlq replay`: records of dead letters back to where they came from.
//!
//! A record is put back whole, with its key, time and the headers that it came with. So each of its items has the
//! event id and line that it had: those that were accepted are duplicates, those that were refused get another chance,
//! and whatever is put back twice is in the books once.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::anyhow;
use daybook_stream::record::Record;
use daybook_wire::dead_letter;

use super::arguments::ReplayArguments;
use super::letter::{Letter, Place, input_of};
use super::letters::Letters;
use super::record::{Found, Origin, find};
use super::{printable, say};
use crate::exit::{Exit, ExitWith};
use crate::log::Log;

/// Letters whose records are in memory at once, and bytes of them.
const LETTERS_MAX: usize = 200;
const BYTES_MAX: usize = 16 << 20;

/// Runs the command.
pub fn replay(log: &Log, arguments: &ReplayArguments) -> anyhow::Result<()> {
    let corrected = arguments.with.as_deref().map(read).transpose()?;
    if corrected.is_some() && arguments.letters.len() != 1 {
        let message = "--with FILE takes the place of one letter's value: name one letter";
        return Err(ExitWith::error(Exit::Misconfigured, anyhow!(message)));
    }
    let mut topics: BTreeSet<_> = arguments.letters.iter().map(|place| place.topic).collect();
    if arguments.letters.is_empty() {
        topics.insert(arguments.topic.letters());
    }
    let mut run = Run { log, arguments, corrected, put_back: 0, lost: 0 };
    for topic in topics {
        let letters = Letters::read(log, topic)?;
        let places: Vec<Place> = arguments.letters.iter().filter(|p| p.topic == topic).copied().collect();
        let chosen = if arguments.letters.is_empty() {
            letters.open(&arguments.filter)
        } else {
            places.into_iter().map(|place| letters.at(place)).collect::<anyhow::Result<_>>()?
        };
        run.replay(&letters, &chosen)?;
    }
    run.conclude()
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let text = std::fs::read(file).map_err(|e| {
        ExitWith::error(Exit::Misconfigured, anyhow!("failed to read {}: {e}", file.display()))
    })?;
    // Editors end a file with a newline; a record has none.
    Ok(text.trim_ascii_end().to_vec())
}

struct Run<'a> {
    log: &'a Log,
    arguments: &'a ReplayArguments,
    corrected: Option<Vec<u8>>,
    put_back: u64,
    lost: u64,
}

impl Run<'_> {
    fn replay(&mut self, letters: &Letters, chosen: &[&Letter]) -> anyhow::Result<()> {
        let mut done = BTreeSet::new();
        let mut rest = chosen;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take(LETTERS_MAX).take_while(|letter| {
                let size = letters.received(letter).map_or(letter.bytes, |received| received.bytes);
                bytes += size;
                bytes == size || bytes <= BYTES_MAX
            });
            let (group, after) = rest.split_at(fits.count().max(1));
            self.replay_group(letters, group, &mut done)?;
            rest = after;
        }
        Ok(())
    }

    /// `done`: the records that were put back, by the letter or source that they were found in.
    fn replay_group<'l>(
        &mut self,
        letters: &Letters,
        group: &[&'l Letter],
        done: &mut BTreeSet<(Option<&'l super::letter::Source>, Option<Place>)>,
    ) -> anyhow::Result<()> {
        let mut records = Vec::new();
        for (letter, found) in group.iter().zip(find(self.log, letters, group)?) {
            let Some(found) = found else {
                self.lost += 1;
                say(&format!(
                    "{}: {}, not put back: its record is kept nowhere",
                    letter.place,
                    letter.code()
                ))?;
                continue;
            };
            // A record goes back once, however many of its letters are meant; what is left of it, item by item.
            let once = match found.origin {
                Origin::Canonical => (None, Some(letter.place)),
                Origin::Letter(_) | Origin::Source if letter.source.is_some() => {
                    (letter.source.as_ref(), None)
                }
                Origin::Letter(_) | Origin::Source => (None, Some(letter.place)),
            };
            if !done.insert(once) {
                continue;
            }
            self.put_back += 1;
            let project = letter.project.as_deref().unwrap_or("no project");
            let what = if self.arguments.dry_run { "would be put back" } else { "put back" };
            say(&format!("{}: {} of {}, {what}", letter.place, letter.code(), printable(project)))?;
            records.push(self.record(letter, found));
        }
        match input_of(letters.topic()) {
            Some(input) if !self.arguments.dry_run => self.log.append(input, records),
            _ => Ok(()),
        }
    }

    /// The record as it goes back.
    fn record(&self, letter: &Letter, found: Found) -> Record {
        let canonical = matches!(found.origin, Origin::Canonical);
        let mut record = found.record;
        if let Some(corrected) = &self.corrected {
            record.value.clone_from(corrected);
        }
        for (name, value) in &self.arguments.header {
            record.headers.retain(|(own, _)| own != name);
            record.headers.push((name.clone(), value.clone().into_bytes()));
        }
        if canonical {
            // Its line is in it, and it may have no time of its own: intake is to know.
            record.headers.push((dead_letter::CANONICAL.to_owned(), b"true".to_vec()));
        }
        record.headers.push((dead_letter::REPLAYED.to_owned(), letter.place.to_string().into_bytes()));
        record
    }

    fn conclude(self) -> anyhow::Result<()> {
        let records = if self.put_back == 1 { "record" } else { "records" };
        let what = match self.log {
            _ if self.arguments.dry_run => "would be put back",
            Log::Kafka(_) => "put back",
            Log::Embedded(_) => "put back; the next start takes them in",
            Log::Instance(_) => "put back and handed to the running instance",
        };
        say(&format!("{} {records} {what}", self.put_back))?;
        if self.lost > 0 {
            anyhow::bail!("failed to put back {} records: they are kept nowhere", self.lost);
        }
        Ok(())
    }
}
