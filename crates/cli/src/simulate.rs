//! `daybook simulate`: simulated payment backends that write to the log that a configuration names.

use std::time::{Duration, Instant};

use daybook_stream::clock::{Clock, SystemClock};
use daybook_stream::decoder::{PROJECT_HEADER, SOURCE_HEADER};
use daybook_stream::record::Record;
use daybook_wire::topic::Topic;
use daybook_workload::{Options, Workload};

use crate::args::SimulateArguments;
use crate::config::Config;
use crate::log::Log;

/// How often records are sent, those of the time between at once.
const EVERY: Duration = Duration::from_millis(100);

/// Runs the command.
pub fn simulate(arguments: &SimulateArguments) -> anyhow::Result<()> {
    let log = Log::open_or_make(&Config::load(arguments.config.as_deref())?)?;
    let start_ms = SystemClock.now_ms();
    // Events of another run are other events.
    let seed = arguments.seed.unwrap_or_else(|| start_ms.unsigned_abs());
    let workload = Workload::new(Options {
        seed,
        start_ms,
        ms_per_record: (1_000 / i64::from(arguments.rate)).max(1),
        projects: arguments.project.clone(),
        ..Options::default()
    });
    say(&format!("seed {seed}"));
    let mut writer = log.writer();
    let end = arguments.records.unwrap_or(u64::MAX);
    let begun = Instant::now();
    let mut sent = 0;
    while sent < end {
        // What is due by now, however long the last ones took.
        let elapsed_ms = u64::try_from((begun.elapsed() + EVERY).as_millis()).unwrap_or(u64::MAX);
        let due = (u64::from(arguments.rate).saturating_mul(elapsed_ms) / 1_000).clamp(1, end);
        if due > sent {
            writer.append(Topic::Charges, workload.records(sent..due).map(record).collect())?;
            sent = due;
        }
        if sent < end {
            std::thread::sleep(EVERY);
        }
    }
    say(&format!("{sent} records sent"));
    Ok(())
}

/// A record as a backend sends it.
fn record(record: daybook_workload::Record) -> Record {
    Record {
        key: record.key.into(),
        value: record.value,
        headers: vec![
            (PROJECT_HEADER.to_owned(), record.project.into()),
            (SOURCE_HEADER.to_owned(), record.source.into()),
        ],
        timestamp_ms: Some(record.timestamp_ms),
    }
}

// What it sends is what the command is asked for.
#[allow(clippy::print_stdout)]
fn say(text: &str) {
    println!("{text}");
}
