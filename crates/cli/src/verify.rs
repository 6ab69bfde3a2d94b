//! `daybook verify`: the invariants over an embedded folder, a running instance or the output of `process`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, anyhow};
use daybook_core::event::{Body, JournalRecord, SourcePosition};
use daybook_core::name::Name;
use daybook_core::state::NoStore;
use daybook_report::verify::{Checked, Invariant, Outcome, Read, Verifier};
use daybook_stream::batch::Outputs;
use daybook_stream::decoder::{Decoder, IntakeSettings};
use daybook_stream::format::ValueFormat;
use daybook_stream::projection::Projection;
use daybook_stream::record::Record;
use daybook_wire::topic::Topic;
use daybook_wire::{dead_letter, journal};

use crate::args::VerifyArguments;
use crate::exit::{Exit, ExitWith};
use crate::progress;
use crate::source::{Offsets, Source};

/// Runs the command.
pub fn verify(arguments: &VerifyArguments) -> anyhow::Result<()> {
    let source = Source::open(&arguments.source)?;
    let outcome = check(&source)?;
    print_outcome(&outcome);
    if outcome.holds() {
        return Ok(());
    }
    let broken = outcome.invariants.iter().filter(|checked| checked.violations > 0).count();
    Err(ExitWith::error(
        Exit::NotVerified,
        anyhow!("{broken} of {} invariants do not hold", Invariant::ALL.len()),
    ))
}

/// How far the books are looked at. A running instance goes on while they are read, so everything is held against
/// the journal up to one position in each of its partitions.
#[derive(Default)]
struct Bound {
    /// Offsets below which the journal is looked at; `None`: nothing moves, all of it.
    positions: Option<Offsets>,
    /// Journal sequence of each project there.
    sequences: Sequences,
    /// Offsets below which the inputs are looked at; `None`: all of them.
    inputs: Option<InputOffsets>,
    /// Offsets at which the inputs begin: what was before has been deleted, and what was made from it is left out.
    starts: InputOffsets,
    /// Whether the journal went on beyond the positions.
    passed: bool,
}

impl Bound {
    fn of(source: &Source) -> anyhow::Result<Self> {
        let Some(positions) = source.positions()? else { return Ok(Self::default()) };
        let mut starts = InputOffsets::default();
        let mut inputs = InputEnds::default();
        for (topic, letters) in INPUTS {
            starts.extend(source.starts(topic)?.into_iter().map(|(p, start)| ((topic, p), start)));
            source.each(letters, None, &mut |record| {
                inputs.ended(position_of_letter(topic, record));
                Ok(())
            })?;
        }
        let mut sequences = Sequences::default();
        source.each(Topic::Journal, Some(&positions), &mut |record| {
            let decoded = decode(record)?;
            sequences.next(&decoded.project);
            inputs.ended(position_of_event(&decoded));
            Ok(())
        })?;
        // Once more and to the end, for what is beyond the positions.
        let (mut all, mut passed) = (Sequences::default(), false);
        source.each(Topic::Journal, None, &mut |record| {
            let decoded = decode(record)?;
            if all.next(&decoded.project) > sequences.of(&decoded.project) {
                inputs.open(position_of_event(&decoded));
                passed = true;
            }
            Ok(())
        })?;
        Ok(Self { positions: Some(positions), sequences, inputs: Some(inputs.0), starts, passed })
    }

    /// Whether an output record says more than the journal up to here does. Of what can't be read that is for the
    /// verifier to say.
    fn is_passed_by(&self, value: &[u8]) -> bool {
        #[derive(serde::Deserialize)]
        struct Cause<'a> {
            #[serde(borrow)]
            project_id: Cow<'a, str>,
            journal_sequence: u64,
        }
        self.positions.is_some()
            && serde_json::from_slice::<Cause<'_>>(value)
                .is_ok_and(|cause| cause.journal_sequence > self.sequences.of(&cause.project_id))
    }

    /// Whether what was made from a record of an input at this place is looked at.
    fn has_input(&self, position: Option<InputPosition>) -> bool {
        let Some(ends) = &self.inputs else { return true };
        position.is_some_and(|(place, offset)| {
            let start = self.starts.get(&place).copied().unwrap_or(0);
            offset >= start && ends.get(&place).is_some_and(|end| offset < *end)
        })
    }

    /// Offsets below which an input is looked at; `None`: all of it.
    fn ends_of(&self, topic: Topic) -> Option<Offsets> {
        let of = |((_, partition), end): (&(Topic, u32), &u64)| (*partition, *end);
        let own = |ends: &InputOffsets| ends.iter().filter(|((t, _), _)| *t == topic).map(of).collect();
        self.inputs.as_ref().map(own)
    }

    /// Whether some of the events that are looked at may not be written yet. Intake writes to several partitions at
    /// once, and a log need not show all of it at the same time; while everything stands still there is no more to
    /// come.
    fn may_be_under_way(&self, source: &Source) -> anyhow::Result<bool> {
        let several = self.positions.as_ref().is_some_and(|positions| positions.len() > 1);
        Ok(several && (self.passed || source.positions()? != self.positions))
    }
}

/// The inputs whose events are counted, and where their refused records go.
const INPUTS: [(Topic, Topic); 2] = [(Topic::Charges, Topic::ChargesDlq), (Topic::Spend, Topic::SpendDlq)];

/// Offsets in the inputs by topic and partition.
type InputOffsets = BTreeMap<(Topic, u32), u64>;

/// Topic, partition and offset of an input record.
type InputPosition = ((Topic, u32), u64);

/// For each partition of the inputs the offset below which all that was made from its records is looked at: it is a
/// dead letter, or stands below the positions in the journal.
///
/// Intake reads a partition in order. So once anything of a record is written, so is the rest of it and all before it
/// (but for [`Bound::may_be_under_way`]), and what of that is not below the journal's positions is above them. As each
/// journal partition is cut at its own position, the highest offset found below says nothing of the other partitions:
/// the end is the lowest that is found above.
#[derive(Default)]
struct InputEnds(InputOffsets);

impl InputEnds {
    /// Takes the place of a dead letter or of a journal record below the positions.
    fn ended(&mut self, position: Option<InputPosition>) {
        let Some((place, offset)) = position else { return };
        let end = self.0.entry(place).or_default();
        *end = offset.saturating_add(1).max(*end);
    }

    /// Takes the place of a journal record above the positions. These are to be read after all that has ended: a record
    /// that only comes up in between may have others before it that are missed.
    fn open(&mut self, position: Option<InputPosition>) {
        let Some((place, offset)) = position else { return };
        self.0.entry(place).and_modify(|end| *end = offset.min(*end));
    }
}

/// Numbers the journal records of each project as the projector does.
#[derive(Default)]
struct Sequences(BTreeMap<Name, u64>);

impl Sequences {
    /// Takes one more; its journal sequence.
    fn next(&mut self, project: &Name) -> u64 {
        let sequence = self.0.entry(project.clone()).or_default();
        *sequence += 1;
        *sequence
    }

    /// The last one of a project.
    fn of(&self, project: &str) -> u64 {
        self.0.get(project).copied().unwrap_or(0)
    }
}

fn decode(record: &Record) -> anyhow::Result<JournalRecord> {
    journal::decode(&record.value).context("failed to read the journal")
}

/// Where the input record of a journalled event stands.
fn position_of_event(record: &JournalRecord) -> Option<InputPosition> {
    let topic = match record.body {
        Body::Charge(_) => Topic::Charges,
        Body::Spend(_) => Topic::Spend,
        Body::Settings(_) | Body::Tick => return None,
    };
    let source = record.source.as_ref()?;
    Some(((topic, source.partition), source.offset))
}

/// Where the record of an input that a dead letter was made from stands.
fn position_of_letter(topic: Topic, letter: &Record) -> Option<InputPosition> {
    let partition = letter.header(dead_letter::PARTITION)?.parse().ok()?;
    Some(((topic, partition), letter.header(dead_letter::OFFSET)?.parse().ok()?))
}

fn check(source: &Source) -> anyhow::Result<Outcome> {
    let bound = Bound::of(source)?;
    let mut verifier = Verifier::default();
    let bar = progress::bar(source.length()?, "verifying", false);

    source.each(Topic::LedgerEntries, None, &mut |record| {
        if !bound.is_passed_by(&record.value) {
            verifier.entry(&record.key, &record.value);
        }
        bar.inc(1);
        Ok(())
    })?;
    source.each(Topic::RewardsPoints, None, &mut |record| {
        if !bound.is_passed_by(&record.value) {
            verifier.points(&record.key, &record.value);
        }
        Ok(())
    })?;
    source.each(Topic::RevenueAllocations, None, &mut |record| {
        if !bound.is_passed_by(&record.value) {
            verifier.allocation(&record.key, &record.value);
        }
        Ok(())
    })?;
    for topic in source.outputs().into_iter().filter(|t| t.is_compacted()) {
        // The last row of each key counts; a topic that has not been compacted yet holds earlier ones too.
        let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        source.each(topic, None, &mut |record| {
            rows.insert(record.key.clone(), record.value.clone());
            Ok(())
        })?;
        for (key, value) in rows {
            if bound.is_passed_by(&value) {
                verifier.row_moved_on(topic, &key, &value);
            } else {
                verifier.row(topic, &key, &value);
            }
        }
    }
    verifier.end_of_published(&source.outputs());

    let mut projection = Projection::volatile();
    projection.publish_to(&source.outputs(), ValueFormat::Json);
    let mut replay = Replay(verifier);
    let mut read = Read::default();
    source.each(Topic::Journal, bound.positions.as_ref(), &mut |record| {
        bar.inc(1);
        let decoded = decode(record)?;
        let counted = |projection: &Projection<NoStore>| {
            let counts = projection.counts();
            (counts.accepted + counts.accepted_spend, counts.duplicates)
        };
        let before = counted(&projection);
        let Ok(()) = projection.apply(&decoded, &mut replay);
        if bound.has_input(position_of_event(&decoded)) {
            let after = counted(&projection);
            read.accepted += after.0 - before.0;
            read.duplicates += after.1 - before.1;
        }
        Ok(())
    })?;
    projection.rows(&mut replay);
    let counts = projection.counts();
    anyhow::ensure!(counts.records > 0, "there is nothing to verify: the journal is empty");
    read.accepted_in_all = counts.accepted;
    read.clearings = counts.clearings;
    read.dead_letters = count_letters(source, &bound)?;
    read.events = match source.events_read()? {
        Some(events) => Some(events - counts.already_seen.min(events)),
        None => Some(count_events(source, &bound)?),
    };
    read.may_be_under_way = bound.may_be_under_way(source)?;
    bar.finish_and_clear();
    Ok(replay.0.conclude(read))
}

/// Dead letters of what is looked at of the inputs. What intake has appended twice counts once.
fn count_letters(source: &Source, bound: &Bound) -> anyhow::Result<u64> {
    let (mut seen, mut letters) = (BTreeSet::new(), 0);
    for (topic, dlq) in INPUTS {
        source.each(dlq, None, &mut |record| {
            let position = position_of_letter(topic, record);
            let item: Option<u32> = record.header(dead_letter::ITEM).and_then(|item| item.parse().ok());
            // In the files of `process` they have no position, and stand once.
            let again = position.is_some_and(|position| !seen.insert((position, item)));
            letters += u64::from(!again && bound.has_input(position));
            Ok(())
        })?;
    }
    Ok(letters)
}

/// Payload items and other records of the inputs, as far as they are looked at, counted as intake does.
fn count_events(source: &Source, bound: &Bound) -> anyhow::Result<u64> {
    let settings = IntakeSettings { record_bytes_max: usize::MAX, ..IntakeSettings::default() };
    let decoder = Decoder::new(settings);
    // Where they stand does not matter for how many they are.
    let position = SourcePosition { topic: Topic::Charges.name().into(), partition: 0, offset: 0, item: 0 };
    let mut events = 0;
    source.each(Topic::Charges, bound.ends_of(Topic::Charges).as_ref(), &mut |record| {
        events += decoder.charges(record, &position, |_| Some(0)).events();
        Ok(())
    })?;
    // Each record is one.
    source.each(Topic::Spend, bound.ends_of(Topic::Spend).as_ref(), &mut |_| {
        events += 1;
        Ok(())
    })?;
    Ok(events)
}

/// Hands a replay's records to the verifier.
struct Replay(Verifier);

impl Outputs for Replay {
    fn put(&mut self, topic: Topic, key: &str, value: &[u8], _: Vec<(String, Vec<u8>)>, _: Option<i64>) {
        if Topic::PROJECTED.contains(&topic) {
            self.0.replayed(topic, key.as_bytes(), value);
        }
    }
}

// The outcome is what the command is asked for.
#[allow(clippy::print_stdout)]
fn print_outcome(outcome: &Outcome) {
    println!("{} entries", outcome.entries);
    for Checked { invariant, violations, shown, reservation } in &outcome.invariants {
        let verdict = if *violations == 0 { "holds " } else { "BROKEN" };
        let reservation = reservation.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        println!("{verdict}  {}{reservation}", invariant.title());
        for violation in shown {
            println!("          {violation}");
        }
        if *violations > shown.len() as u64 {
            println!("          and {} more", violations - shown.len() as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Partition and offset each.
    fn ends(ended: &[(u32, u64)], open: &[(u32, u64)]) -> Vec<(u32, u64)> {
        let mut inputs = InputEnds::default();
        let place = |(partition, offset): &(u32, u64)| Some(((Topic::Spend, *partition), *offset));
        ended.iter().for_each(|position| inputs.ended(place(position)));
        open.iter().for_each(|position| inputs.open(place(position)));
        inputs.0.into_iter().map(|((_, partition), end)| (partition, end)).collect()
    }

    #[test]
    fn inputs_are_looked_at_up_to_the_first_that_is_beyond_a_journal_position() {
        assert_eq!(ends(&[], &[]), []);
        assert_eq!(ends(&[(0, 3), (0, 7), (2, 1), (0, 5)], &[]), [(0, 8), (2, 2)]);
        // Some items of the last record are beyond.
        assert_eq!(ends(&[(0, 7)], &[(0, 7), (0, 8)]), [(0, 7)]);
        // One journal partition is cut at an earlier record than another.
        assert_eq!(ends(&[(0, 3), (0, 7)], &[(0, 9), (0, 5)]), [(0, 5)]);
        // Nothing has ended there.
        assert_eq!(ends(&[(0, 3)], &[(1, 0)]), [(0, 4)]);
    }

    #[test]
    fn what_is_beyond_a_project_s_sequence_is_passed_by() {
        let mut bound = Bound::default();
        let value = |project: &str, sequence: u64| {
            format!(r#"{{"a":[{{}}],"journal_sequence":{sequence},"project_id":"{project}"}}"#)
        };
        let passed =
            |bound: &Bound, project, sequence| bound.is_passed_by(value(project, sequence).as_bytes());
        assert!(!passed(&bound, "acme", 9), "nothing moves");
        bound.positions = Some(Offsets::from([(0, 3)]));
        for project in ["acme", "beta", "acme"] {
            bound.sequences.next(&project.into());
        }
        assert!(!passed(&bound, "acme", 2) && passed(&bound, "acme", 3));
        assert!(!passed(&bound, "beta", 1) && passed(&bound, "beta", 2));
        assert!(passed(&bound, "a project that is new", 1));
        assert!(!bound.is_passed_by(b"{"), "that it can't be read is not to be passed over");
    }

    #[test]
    fn a_dead_letter_s_position_is_that_of_its_record() {
        let source =
            SourcePosition { topic: Topic::Charges.name().into(), partition: 3, offset: 12, item: 1 };
        let rejection = daybook_core::rejection::Rejection::at(
            daybook_core::rejection::Reason::UnknownKind,
            "track[0].payload[1]",
        );
        let headers = dead_letter::headers(&rejection, None, Some(&source));
        assert_eq!(
            position_of_letter(Topic::Charges, &Record { headers, ..Record::default() }),
            Some(((Topic::Charges, 3), 12))
        );
        assert_eq!(position_of_letter(Topic::Charges, &Record::default()), None);
    }
}
