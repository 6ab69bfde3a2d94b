//! The figures, as Markdown for people and as JSON lines for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::arguments::Volume;
use crate::figures::Spread;
use crate::input::Input;
use crate::latency::Window;
use crate::machine::Machine;
use crate::product::Metrics;
use crate::program::Kind;
use crate::throughput::Round;

/// Targets of the first release, on two cores that the broker shares.
const EVENTS_PER_SECOND: f64 = 100_000.0;
const CLIENT_RATIO: f64 = 3.0;
const P99_MS: f64 = 50.0;
const RSS_MIB: f64 = 250.0;

/// Everything that was measured.
pub struct Report {
    /// On and with what.
    pub machine: Machine,
    /// What each throughput round reads.
    pub input: Input,
    /// What daybook writes for it.
    pub volumes: BTreeMap<&'static str, Volume>,
    /// What has become of the events.
    pub counted: Metrics,
    /// What `daybook verify` said last, where it was asked.
    pub verified: Option<String>,
    /// Of the throughput rounds.
    pub configuration: String,
    /// The rounds that count.
    pub rounds: Vec<Round>,
    /// The latency windows.
    pub windows: Vec<Window>,
    /// Measurements that were made again, as others used too much of the machine.
    pub repeated: u32,
}

impl Report {
    /// Nothing yet.
    pub fn new(machine: Machine) -> Self {
        Self {
            machine,
            input: Input::default(),
            volumes: BTreeMap::new(),
            counted: Metrics::default(),
            verified: None,
            configuration: String::new(),
            rounds: Vec::new(),
            windows: Vec::new(),
            repeated: 0,
        }
    }

    fn of(&self, kind: Kind, figure: impl Fn(&Round) -> Option<f64>) -> Option<Spread> {
        Spread::of(self.rounds.iter().filter(|round| round.program == kind).filter_map(figure))
    }

    /// daybook's client CPU by that of the copy in the same round.
    fn paired_ratio(&self) -> Option<Spread> {
        let client = |kind| self.rounds.iter().filter(move |r| r.program == kind).map(|r| r.client_us);
        Spread::of(client(Kind::Daybook).zip(client(Kind::Copy)).map(|(daybook, copy)| daybook / copy))
    }

    fn throughput(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rounds.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n| throughput, min / **median** / max of {} rounds | daybook | bare copy |",
            self.rounds.len() / 2
        )?;
        writeln!(f, "| --- | --- | --- |")?;
        let mut row = |name: &str, figure: &dyn Fn(&Round) -> Option<f64>| {
            let cell = |kind| self.of(kind, figure).map_or("–".to_owned(), |spread| spread.to_string());
            writeln!(f, "| {name} | {} | {} |", cell(Kind::Daybook), cell(Kind::Copy))
        };
        row("events/s", &|round| Some(round.events_per_second))?;
        row("records/s", &|round| Some(round.records_per_second))?;
        row("client CPU, µs per event", &|round| Some(round.client_us))?;
        row("broker CPU, µs per event", &|round| round.broker_us)?;
        row("peak RSS, MiB", &|round| Some(round.rss_mib))?;
        row("CPU that others had, % of the machine", &|round| Some(round.others * 100.0))?;
        if let (Some(daybook), Some(copy), Some(paired)) = (
            self.of(Kind::Daybook, |round| Some(round.client_us)),
            self.of(Kind::Copy, |round| Some(round.client_us)),
            self.paired_ratio(),
        ) {
            let ratio = daybook.median / copy.median;
            writeln!(
                f,
                "\nClient CPU, daybook by bare copy: {ratio:.2} by medians; in each round {paired}."
            )?;
        }
        Ok(())
    }

    fn latency(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.windows.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n| due to visible, ms, min / **median** / max of 3 windows | p50 | p99 | p999 | client, broker µs per event |"
        )?;
        writeln!(f, "| --- | --- | --- | --- | --- |")?;
        for rate in self.rates() {
            for kind in [Kind::Daybook, Kind::Copy] {
                let cell = |figure: &dyn Fn(&Window) -> Option<f64>| {
                    let own = self.windows.iter().filter(|w| w.program == kind && w.rate == rate);
                    Spread::of(own.filter_map(figure))
                };
                let shown = |figure: &dyn Fn(&Window) -> Option<f64>| {
                    cell(figure).map_or("–".to_owned(), |spread| spread.to_string())
                };
                let cpu = |figure: &dyn Fn(&Window) -> Option<f64>| {
                    cell(figure).map_or("–".to_owned(), |spread| format!("{:.0}", spread.median))
                };
                writeln!(
                    f,
                    "| {} at {rate} events/s | {} | {} | {} | {}, {} |",
                    kind.name(),
                    shown(&|w| Some(w.p50_ms)),
                    shown(&|w| Some(w.p99_ms)),
                    shown(&|w| Some(w.p999_ms)),
                    cpu(&|w| Some(w.client_us)),
                    cpu(&|w| w.broker_us),
                )?;
            }
        }
        let late = self.windows.iter().map(|window| window.late_p99_ms).fold(0.0, f64::max);
        writeln!(f, "\nThe sender itself was at most {late:.1} ms late (p99), which the figures include.")
    }

    fn rates(&self) -> Vec<u32> {
        let mut rates: Vec<u32> = self.windows.iter().map(|window| window.rate).collect();
        rates.dedup();
        rates
    }

    fn targets(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let daybook = |figure: &dyn Fn(&Round) -> Option<f64>| Some(self.of(Kind::Daybook, figure)?.median);
        let ratio = daybook(&|r| Some(r.client_us))
            .zip(self.of(Kind::Copy, |r| Some(r.client_us)))
            .map(|(client, copy)| client / copy.median);
        let worst_p99 = self.rates().into_iter().filter_map(|rate| {
            let own = self.windows.iter().filter(|w| w.program == Kind::Daybook && w.rate == rate);
            Some(Spread::of(own.map(|window| window.p99_ms))?.median)
        });
        writeln!(f, "\n| target | median | |\n| --- | --- | --- |")?;
        let mut row = |name: &str, median: Option<f64>, met: &dyn Fn(f64) -> bool| match median {
            None => Ok(()),
            Some(median) => {
                let verdict = if met(median) { "met" } else { "**not met**" };
                writeln!(f, "| {name} | {median:.1} | {verdict} |")
            }
        };
        row("at least 100,000 events/s", daybook(&|r| Some(r.events_per_second)), &|x| {
            x >= EVENTS_PER_SECOND
        })?;
        row("at most 3 times the client CPU of the bare copy", ratio, &|x| x <= CLIENT_RATIO)?;
        row("p99 of at most 50 ms at each rate", worst_p99.reduce(f64::max), &|x| x <= P99_MS)?;
        row("peak RSS of at most 250 MiB", daybook(&|r| Some(r.rss_mib)), &|x| x <= RSS_MIB)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { date, cpu, cores, memory_mib, kernel, daybook, commit, librdkafka, kafka } =
            &self.machine;
        writeln!(
            f,
            "{date} UTC, {cpu}, {cores} cores, {memory_mib} MiB, {kernel}; client and broker share the cores."
        )?;
        writeln!(f, "{daybook} ({commit}), librdkafka {librdkafka}, Kafka {kafka}.")?;
        let Input { records, events, bytes } = self.input;
        let mean = |total: u64, of: u64| total as f64 / of.max(1) as f64;
        writeln!(
            f,
            "\nA round reads {events} events in {records} records: {:.3} events and {:.0} bytes of value per record.",
            mean(events, records),
            mean(bytes, records)
        )?;
        let Metrics { accepted, duplicates, dead_letters, adjustments, .. } = self.counted;
        writeln!(
            f,
            "{accepted} accepted, {duplicates} duplicates, {dead_letters} dead letters, {adjustments} adjusting entries."
        )?;
        writeln!(f, "\n| written | records per event | bytes per record |\n| --- | --- | --- |")?;
        for (topic, volume) in &self.volumes {
            let (count, size) = (mean(volume.records, events), mean(volume.bytes, volume.records));
            writeln!(f, "| `{topic}` | {count:.4} | {size:.0} |")?;
        }
        self.throughput(f)?;
        self.latency(f)?;
        if self.repeated > 0 {
            let count = self.repeated;
            writeln!(f, "\n{count} measurements were made again, as others used too much of the machine.")?;
        }
        self.targets(f)?;
        let verified = self.verified.as_deref().unwrap_or("not asked");
        writeln!(f, "\n`daybook verify` after the last round:\n\n```text\n{}\n```", verified.trim())?;
        write!(
            f,
            "\nConfiguration in force in the throughput rounds:\n\n```toml\n{}\n```",
            self.configuration.trim()
        )
    }
}

/// The file of results, a JSON object a line, written as they come.
pub struct Lines(File);

impl Lines {
    /// A new file.
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Self(File::create(path).with_context(|| format!("failed to write {}", path.display()))?))
    }

    /// Adds `{"what":…,"result":…}`.
    pub fn line(&mut self, what: &str, result: &impl Serialize) -> Result<()> {
        let line = serde_json::json!({ "what": what, "result": result });
        writeln!(self.0, "{line}").context("failed to write the results")
    }
}
