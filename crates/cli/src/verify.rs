//! `daybook verify`: the invariants over an embedded folder, a running instance or the output of `process`.

mod source;

use std::collections::BTreeMap;

use anyhow::{Context, anyhow};
use daybook_report::records::Balance;
use daybook_report::verify::{Invariant, Outcome, Read, Verifier};
use daybook_stream::batch::Outputs;
use daybook_stream::intake::{Decoder, IntakeSettings, position};
use daybook_stream::projection::Projection;
use daybook_stream::record::Record;
use daybook_wire::topic::Topic;
use daybook_wire::{dead_letter, journal};

use crate::args::VerifyArguments;
use crate::exit::{Exit, ExitWith};
use crate::progress;
use source::Source;

/// Runs the command.
pub fn verify(arguments: &VerifyArguments) -> anyhow::Result<()> {
    let source = Source::open(arguments)?;
    let outcome = check(&source)?;
    print_outcome(&outcome);
    if outcome.holds() {
        return Ok(());
    }
    let broken = outcome.invariants.iter().filter(|(_, count, _)| *count > 0).count();
    Err(ExitWith::error(
        Exit::NotVerified,
        anyhow!("{broken} of {} invariants do not hold", Invariant::ALL.len()),
    ))
}

/// How far the books are looked at. A running instance goes on while they are read, so everything is held against
/// the journal up to one position.
#[derive(Default)]
struct Bound {
    /// Journal offset; `None`: nothing moves, all of it.
    journal: Option<u64>,
    entries: usize,
    points: usize,
    /// Journal sequence of each project there.
    sequences: BTreeMap<String, u64>,
    /// Records of `charges` below this offset are in the journal, or refused, with all their items.
    charges: Option<u64>,
}

/// Counts what a replay gives.
#[derive(Default)]
struct Count {
    entries: usize,
    points: usize,
}

impl Outputs for Count {
    fn put(&mut self, topic: Topic, _: &str, _: &[u8], _: Vec<(String, Vec<u8>)>, _: Option<i64>) {
        self.entries += usize::from(topic == Topic::LedgerEntries);
        self.points += usize::from(topic == Topic::RewardsPoints);
    }
}

impl Bound {
    fn of(source: &Source) -> anyhow::Result<Self> {
        let Some(position) = source.position()? else { return Ok(Self::default()) };
        let (mut count, mut charges) = (Count::default(), 0);
        let mut projection = Projection::volatile();
        source.each(Topic::Journal, Some(position), &mut |record| {
            let decoded = journal::decode(&record.value).context("failed to read the journal")?;
            let Ok(()) = projection.apply(&decoded, &mut count);
            if let Some(at) = decoded.source.filter(|s| &*s.topic == Topic::Charges.name()) {
                charges = at.offset.max(charges);
            }
            Ok(())
        })?;
        let books = projection.state().books();
        Ok(Self {
            journal: Some(position),
            entries: count.entries,
            points: count.points,
            sequences: books.map(|(project, b)| (project.to_string(), b.head().journal_sequence)).collect(),
            charges: Some(charges),
        })
    }

    /// Whether a row says more than the journal up to here does.
    fn is_passed_by(&self, value: &[u8]) -> bool {
        #[derive(serde::Deserialize)]
        struct Row {
            project_id: String,
            journal_sequence: u64,
        }
        self.journal.is_some()
            && serde_json::from_slice::<Row>(value).is_ok_and(|row| {
                row.journal_sequence > self.sequences.get(&row.project_id).copied().unwrap_or(0)
            })
    }

    fn has_charge(&self, offset: Option<u64>) -> bool {
        self.charges.is_none_or(|end| offset.is_some_and(|offset| offset < end))
    }
}

fn check(source: &Source) -> anyhow::Result<Outcome> {
    let bound = Bound::of(source)?;
    let mut verifier = Verifier::default();
    let bar = progress::bar(source.length()?, "verifying", false);

    let mut seen = 0;
    source.each(Topic::LedgerEntries, None, &mut |record| {
        seen += 1;
        if bound.journal.is_none() || seen <= bound.entries {
            verifier.entry(&record.value);
        }
        bar.inc(1);
        Ok(())
    })?;
    let mut seen = 0;
    source.each(Topic::RewardsPoints, None, &mut |record| {
        seen += 1;
        if bound.journal.is_none() || seen <= bound.points {
            verifier.points(&record.value);
        }
        Ok(())
    })?;
    let mut sums: BTreeMap<String, i128> = BTreeMap::new();
    for topic in Topic::PROJECTED.into_iter().filter(|t| t.is_compacted()) {
        // The last row of each key counts; a topic that has not been compacted yet holds earlier ones too.
        let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        source.each(topic, None, &mut |record| {
            rows.insert(record.key.clone(), record.value.clone());
            Ok(())
        })?;
        for (key, value) in rows {
            if bound.is_passed_by(&value) {
                verifier.row_moved_on(topic, &key, &value);
                continue;
            }
            if topic == Topic::AccountsBalances
                && bound.journal.is_none()
                && let Ok(balance) = serde_json::from_slice::<Balance>(&value)
            {
                *sums.entry(balance.currency).or_default() += balance.balance_minor;
            }
            verifier.row(topic, &key, &value);
        }
    }
    verifier.end_of_published(&sums);

    let mut projection = Projection::volatile();
    let mut replay = Replay(verifier);
    let mut read = Read::default();
    source.each(Topic::Journal, bound.journal, &mut |record| {
        bar.inc(1);
        let decoded = journal::decode(&record.value).context("failed to read the journal")?;
        let (accepted, duplicates) = (projection.counts().accepted, projection.counts().duplicates);
        let Ok(()) = projection.apply(&decoded, &mut replay);
        if bound.has_charge(decoded.source.map(|s| s.offset)) {
            read.accepted += projection.counts().accepted - accepted;
            read.duplicates += projection.counts().duplicates - duplicates;
        }
        Ok(())
    })?;
    projection.rows(&mut replay);
    let counts = projection.counts();
    anyhow::ensure!(counts.records > 0, "there is nothing to verify: the journal is empty");
    read.accepted_in_all = counts.accepted;
    source.each(Topic::ChargesDlq, None, &mut |record| {
        let offset = record.header(dead_letter::OFFSET).and_then(|offset| offset.parse().ok());
        read.dead_letters += u64::from(bound.has_charge(offset));
        Ok(())
    })?;
    read.events = match source.events_read()? {
        Some(events) => Some(events - counts.already_seen.min(events)),
        None => Some(count_events(source, bound.charges)?),
    };
    bar.finish_and_clear();
    Ok(replay.0.conclude(read))
}

/// Payload items and other records of `charges` below an offset, counted as intake does.
fn count_events(source: &Source, end: Option<u64>) -> anyhow::Result<u64> {
    let settings = IntakeSettings { record_bytes_max: usize::MAX, ..IntakeSettings::default() };
    let decoder = Decoder::new(settings);
    let mut events = 0;
    source.each(Topic::Charges, end, &mut |record| {
        let taken = decoder.charges(record, &position(Topic::Charges, 0), |_| Some(0));
        events += taken.events();
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

/// Takes one record of a topic.
type Each<'a> = dyn FnMut(&Record) -> anyhow::Result<()> + 'a;

// The outcome is what the command is asked for.
#[allow(clippy::print_stdout)]
fn print_outcome(outcome: &Outcome) {
    println!("{} entries", outcome.entries);
    for (invariant, count, shown) in &outcome.invariants {
        let verdict = if *count == 0 { "holds " } else { "BROKEN" };
        println!("{verdict}  {}", invariant.title());
        for violation in shown {
            println!("          {violation}");
        }
        if *count > shown.len() as u64 {
            println!("          and {} more", count - shown.len() as u64);
        }
    }
}
