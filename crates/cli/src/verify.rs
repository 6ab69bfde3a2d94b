//! `daybook verify`: the invariants over an embedded folder, a running instance or the output of `process`.

mod source;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use daybook_core::event::SourcePosition;
use daybook_report::records::Balance;
use daybook_report::verify::{Invariant, Outcome, Read, Verifier};
use daybook_stream::batch::Outputs;
use daybook_stream::intake::{Decoder, IntakeSettings};
use daybook_stream::projection::Projection;
use daybook_stream::record::Record;
use daybook_wire::journal;
use daybook_wire::topic::Topic;

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
    Err(ExitWith::new(Exit::NotVerified, anyhow!("{broken} of {} invariants do not hold", Invariant::ALL.len())))
}

fn check(source: &Source) -> anyhow::Result<Outcome> {
    let mut verifier = Verifier::default();
    let bar = progress::bar(source.length()?, "verifying", false);

    source.each(Topic::LedgerEntries, &mut |record| {
        verifier.entry(&record.value);
        bar.inc(1);
        Ok(())
    })?;
    source.each(Topic::RewardsPoints, &mut |record| {
        verifier.points(&record.value);
        Ok(())
    })?;
    let mut sums: BTreeMap<String, i128> = BTreeMap::new();
    for topic in Topic::PROJECTED.into_iter().filter(|t| t.is_compacted()) {
        // The last row of each key counts; a topic that has not been compacted yet holds earlier ones too.
        let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        source.each(topic, &mut |record| {
            rows.insert(record.key.clone(), record.value.clone());
            Ok(())
        })?;
        for (key, value) in rows {
            if topic == Topic::AccountsBalances
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
    source.each(Topic::Journal, &mut |record| {
        bar.inc(1);
        let decoded = journal::decode(&record.value).context("failed to read the journal")?;
        let Ok(()) = projection.apply(&decoded, &mut replay);
        Ok(())
    })?;
    projection.rows(&mut replay);
    let counts = projection.counts();
    let mut read = Read { accepted: counts.accepted, duplicates: counts.duplicates, ..Read::default() };
    source.each(Topic::ChargesDlq, &mut |_| {
        read.dead_letters += 1;
        Ok(())
    })?;
    read.events = match source.events_read()? {
        Some(events) => Some(events - counts.already_seen.min(events)),
        None => Some(count_events(source)?),
    };
    bar.finish_and_clear();
    Ok(replay.0.conclude(read))
}

/// Payload items and other records of `charges`, counted as intake does.
fn count_events(source: &Source) -> anyhow::Result<u64> {
    let settings = IntakeSettings { record_bytes_max: usize::MAX, ..IntakeSettings::default() };
    let decoder = Decoder::new(settings);
    let position = SourcePosition { topic: Arc::from("charges"), partition: 0, offset: 0, item: 0 };
    let mut events = 0;
    source.each(Topic::Charges, &mut |record| {
        let taken = decoder.charges(record, &position, |_| Some(0));
        events += (taken.journal.len() + taken.refused.len()) as u64;
        Ok(())
    })?;
    Ok(events)
}

/// Hands a replay's records to the verifier.
struct Replay(Verifier);

impl Outputs for Replay {
    fn put(
        &mut self,
        topic: Topic,
        key: &str,
        value: &[u8],
        _: Vec<(String, Vec<u8>)>,
        _: Option<i64>,
    ) {
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
