//! The whole run: input, rounds in turn, latency, report.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::arguments::{RunArguments, Volume};
use crate::cluster::Cluster;
use crate::copy::{BareCopy, TOPICS};
use crate::input::{self, Input};
use crate::invariants;
use crate::latency;
use crate::machine::{self, Machine};
use crate::process;
use crate::product::Product;
use crate::program::{Kind, Program, Running};
use crate::report::{Lines, Report};
use crate::throughput;

/// Topics whose volume is told; the first three are what the copy writes as well.
const WRITTEN: [&str; 6] =
    [TOPICS[0], TOPICS[1], TOPICS[2], "revenue.daily", "projector.positions", "charges.dlq"];

/// How often a measurement is made that others disturb.
const ATTEMPTS: u32 = 5;
/// How long it is looked whether others use the machine.
const LOOKED_AT: Duration = Duration::from_secs(3);

/// Runs the command.
pub fn run(arguments: &RunArguments) -> Result<()> {
    std::fs::create_dir_all(&arguments.work_folder)
        .with_context(|| format!("failed to make {}", arguments.work_folder.display()))?;
    let cluster = Cluster::at(&arguments.bootstrap)?;
    // Names that no earlier run has left anything under.
    let id = format!("bench-{:x}", input::now()?.as_secs());
    let folder = arguments.work_folder.join(&id);
    std::fs::create_dir_all(&folder)?;
    let product = Product { binary: &arguments.daybook, bootstrap: &arguments.bootstrap, folder: &folder };
    let lines = Lines::create(&arguments.work_folder.join("results.jsonl"))?;
    let mut bench = Bench {
        arguments,
        cluster: &cluster,
        product,
        id: id.clone(),
        input: Input::default(),
        report: Report::new(Machine::look(arguments)),
        lines,
    };
    let outcome = bench.run();
    let deleted = cluster.delete(&format!("{id}."));
    outcome.with_context(|| format!("what was said is in {}", folder.display()))?;
    deleted?;
    // State and logs say nothing more; the figures stay.
    std::fs::remove_dir_all(&folder).with_context(|| format!("failed to remove {}", folder.display()))?;
    println!("{}", bench.report);
    Ok(())
}

/// One of several attempts at the same measurement.
#[derive(Clone, Copy)]
struct Attempt {
    /// Which, from 1.
    number: u32,
    /// Whether there is none after it.
    counts_anyway: bool,
}

struct Bench<'a> {
    arguments: &'a RunArguments,
    cluster: &'a Cluster,
    product: Product<'a>,
    id: String,
    input: Input,
    report: Report,
    lines: Lines,
}

impl Bench<'_> {
    fn run(&mut self) -> Result<()> {
        self.lines.line("machine", &self.report.machine)?;
        let topic = format!("{}.charges", self.id);
        self.cluster.create(std::slice::from_ref(&topic))?;
        say(&format!("writing {} events", self.arguments.events));
        self.input = input::fill(self.cluster, &topic, self.arguments.events)?;
        self.report.input = self.input;
        self.lines.line("input", &self.input)?;
        self.rest();
        for round in 0..=self.arguments.rounds {
            // The copy is told by the first round what to write.
            let order = if round == 0 { [Kind::Daybook, Kind::Copy] } else { [Kind::Copy, Kind::Daybook] };
            for kind in order {
                self.again(|bench, attempt| bench.round(kind, round, attempt, &topic))?;
            }
        }
        for rate in self.rates() {
            for kind in [Kind::Copy, Kind::Daybook] {
                self.again(|bench, attempt| bench.latency(kind, rate, attempt))?;
            }
        }
        Ok(())
    }

    /// Measures until others used little of the machine meanwhile. `measure` is told which attempt it is, and whether it
    /// is the last; it says what share others had, and keeps its figures where that is not too much.
    fn again(&mut self, measure: impl Fn(&mut Self, Attempt) -> Result<f64>) -> Result<()> {
        for number in 1..=ATTEMPTS {
            self.wait_for_quiet()?;
            let others = measure(self, Attempt { number, counts_anyway: number == ATTEMPTS })?;
            self.rest();
            if others <= self.others_max() {
                break;
            }
            self.report.repeated += u32::from(number < ATTEMPTS);
            say(&format!("others used {:.0} % of the machine", others * 100.0));
        }
        Ok(())
    }

    fn others_max(&self) -> f64 {
        f64::from(self.arguments.others_max) / 100.0
    }

    fn wait_for_quiet(&self) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed().as_secs() < self.arguments.patience {
            let before = process::cpu_of_all()?;
            sleep(LOOKED_AT);
            let used = (process::cpu_of_all()? - before).as_secs_f64();
            if used / LOOKED_AT.as_secs_f64() / machine::cores() < self.others_max() / 2.0 {
                break;
            }
        }
        Ok(())
    }

    fn rates(&self) -> Vec<u32> {
        if self.arguments.seconds == 0 { Vec::new() } else { self.arguments.rates.clone() }
    }

    fn start(&self, kind: Kind, name: &str, input: &str, commit_interval_ms: u64) -> Result<Running> {
        let volume = |topic| self.report.volumes.get(topic).copied().unwrap_or_default();
        let copy = BareCopy {
            cluster: self.cluster,
            folder: self.product.folder,
            volumes: TOPICS.map(volume),
            of: self.input.records,
        };
        match kind {
            Kind::Daybook => self.product.start(name, input, commit_interval_ms),
            Kind::Copy => copy.start(name, input, commit_interval_ms),
        }
    }

    fn round(&mut self, kind: Kind, round: u32, attempt: Attempt, topic: &str) -> Result<f64> {
        let name = format!("{}.{}-{round}-{}", self.id, short(kind), attempt.number);
        let mut running = self.start(kind, &name, topic, self.arguments.commit_interval_ms)?;
        let broker = &self.arguments.broker_pid;
        let measured = throughput::watch(self.cluster, &mut running, &self.input, broker, round)?;
        say(&format!(
            "round {round}, {}: {:.0} events/s, {:.2} us of CPU per event",
            kind.name(),
            measured.events_per_second,
            measured.client_us
        ));
        self.lines.line("round", &measured)?;
        if kind == Kind::Daybook {
            self.check(&name, running, round)?;
        } else {
            running.child.stop()?;
        }
        let others = measured.others;
        if round > 0 && (attempt.counts_anyway || others <= self.others_max()) {
            self.report.rounds.push(measured);
        }
        self.cluster.delete(&format!("{name}."))?;
        // The round that does not count is not repeated.
        Ok(if round > 0 { others } else { 0.0 })
    }

    /// Holds what a round of daybook has published against its counters and its input.
    fn check(&mut self, name: &str, running: Running, round: u32) -> Result<()> {
        let counted = invariants::all_counted(&self.product, name, &self.input)?;
        let entries = invariants::check_entries(self.cluster, &running.topic(TOPICS[1]), &counted)?;
        let mut volumes: BTreeMap<&'static str, Volume> = BTreeMap::from([(TOPICS[1], entries)]);
        for topic in WRITTEN.into_iter().filter(|topic| *topic != TOPICS[1]) {
            volumes.insert(topic, invariants::volume(self.cluster, &running.topic(topic))?);
        }
        running.child.stop()?;
        if self.arguments.verify {
            let verdict = self.product.verify(name)?;
            self.lines.line("verified", &verdict)?;
            self.report.verified = Some(verdict);
        }
        if round == 0 {
            self.report.configuration = self.product.configuration(name)?;
            self.lines.line("configuration", &self.report.configuration)?;
        }
        self.lines.line("counted", &counted)?;
        self.lines.line("volumes", &volumes)?;
        self.report.counted = counted;
        self.report.volumes = volumes;
        Ok(())
    }

    fn latency(&mut self, kind: Kind, rate: u32, attempt: Attempt) -> Result<f64> {
        let name = format!("{}.{}-at-{rate}-{}", self.id, short(kind), attempt.number);
        let topic = format!("{name}.live");
        self.cluster.create(std::slice::from_ref(&topic))?;
        let interval = self.arguments.latency_commit_interval_ms;
        let mut running = self.start(kind, &name, &topic, interval)?;
        let (seconds, broker) = (self.arguments.seconds, &self.arguments.broker_pid);
        let (windows, sent) = latency::measure(self.cluster, &mut running, rate, seconds, broker)?;
        if kind == Kind::Daybook {
            let counted = invariants::all_counted(&self.product, &name, &sent)?;
            invariants::check_entries(self.cluster, &running.topic(TOPICS[1]), &counted)?;
        }
        running.child.stop()?;
        let others = windows.iter().map(|window| window.others).fold(0.0, f64::max);
        for window in windows {
            say(&format!(
                "{rate} events/s, {}: p50 {:.1} ms, p99 {:.1} ms, p999 {:.1} ms",
                kind.name(),
                window.p50_ms,
                window.p99_ms,
                window.p999_ms
            ));
            self.lines.line("latency", &window)?;
            if attempt.counts_anyway || others <= self.others_max() {
                self.report.windows.push(window);
            }
        }
        self.cluster.delete(&format!("{name}."))?;
        Ok(others)
    }

    fn rest(&self) {
        sleep(Duration::from_secs(self.arguments.rest));
    }
}

fn short(kind: Kind) -> &'static str {
    match kind {
        Kind::Daybook => "daybook",
        Kind::Copy => "copy",
    }
}

/// Progress goes where the report does not.
fn say(text: &str) {
    eprintln!("{text}");
}
