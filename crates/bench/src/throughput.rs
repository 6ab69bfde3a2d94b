//! A throughput round: how long a program takes for an input that is there, and what CPU.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::cluster::{Cluster, Offsets};
use crate::input::Input;
use crate::program::{Kind, Running};
use crate::{machine, process};

/// How often it is looked whether it has begun.
const BEGIN_PERIOD: Duration = Duration::from_millis(20);
/// How often it is looked how far it is.
const PERIOD: Duration = Duration::from_millis(50);
/// How long it may make no progress.
const STALL_LIMIT: Duration = Duration::from_secs(60);

/// What a round has cost.
#[derive(Clone, Debug, Serialize)]
pub struct Round {
    /// Of which program.
    pub program: Kind,
    /// Which: 0 is the one that does not count.
    pub round: u32,
    /// From the first record in the journal to the last commit.
    pub seconds: f64,
    /// Input events per second.
    pub events_per_second: f64,
    /// Input records per second.
    pub records_per_second: f64,
    /// CPU microseconds of the program per event.
    pub client_us: f64,
    /// CPU microseconds of the broker per event.
    pub broker_us: Option<f64>,
    /// Most memory that the program had in RAM, in MiB.
    pub rss_mib: f64,
    /// What neither program nor broker used of the machine's CPUs: others, and what the hypervisor gave away. A share.
    pub others: f64,
}

/// A moment.
#[derive(Clone, Copy)]
pub struct Sample {
    at: Instant,
    client: Duration,
    broker: Duration,
    all: Duration,
}

/// What was used between two moments.
pub struct Used {
    /// Time.
    pub seconds: f64,
    /// CPU seconds of the program.
    pub client: f64,
    /// CPU seconds of the broker.
    pub broker: f64,
    /// CPU seconds of all else on the machine.
    pub others: f64,
}

impl Sample {
    /// Now.
    pub fn take(client: u32, broker: &[u32]) -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            client: process::cpu(&[client])?,
            broker: process::cpu(broker)?,
            all: process::cpu_of_all()?,
        })
    }

    /// What was used since an earlier one.
    pub fn since(&self, earlier: &Self) -> Used {
        let client = self.client.saturating_sub(earlier.client);
        let broker = self.broker.saturating_sub(earlier.broker);
        let all = self.all.saturating_sub(earlier.all);
        Used {
            seconds: self.at.saturating_duration_since(earlier.at).as_secs_f64(),
            client: client.as_secs_f64(),
            broker: broker.as_secs_f64(),
            others: all.saturating_sub(client + broker).as_secs_f64(),
        }
    }
}

/// Watches a program that was just started until all of the input is through.
pub fn watch(
    cluster: &Cluster,
    running: &mut Running,
    input: &Input,
    broker: &[u32],
    round: u32,
) -> Result<Round> {
    let pid = running.child.pid();
    let journal = running.topic("journal");
    cluster.wait_for_leaders(&journal)?;
    let journal = cluster.offsets(&running.last.group, &journal)?;
    let launched = Instant::now();
    while journal.end()? == 0 {
        running.child.check()?;
        ensure!(launched.elapsed() < STALL_LIMIT, "it does not begin\n{}", running.child.said());
        sleep(BEGIN_PERIOD);
    }
    let begin = Sample::take(pid, broker)?;
    let end = settled(cluster, running, input, || Sample::take(pid, broker))?;
    let used = end.since(&begin);
    let events = input.events as f64;
    Ok(Round {
        program: running.kind,
        round,
        seconds: used.seconds,
        events_per_second: events / used.seconds,
        records_per_second: input.records as f64 / used.seconds,
        client_us: used.client * 1e6 / events,
        broker_us: (!broker.is_empty()).then(|| used.broker * 1e6 / events),
        rss_mib: process::peak_memory(pid)? as f64 / f64::from(1 << 20),
        others: used.others / used.seconds / machine::cores(),
    })
}

/// Waits until all of the input is read and everything that came of it is committed; what `sample` gives at the last
/// commit, as soon as it is seen. Offsets of the input's readers may follow later: nobody waits for those.
pub fn settled<S>(
    cluster: &Cluster,
    running: &mut Running,
    input: &Input,
    sample: impl Fn() -> Result<S>,
) -> Result<S> {
    let first = cluster.offsets(&running.first.group, &running.first.topic)?;
    let last = cluster.offsets(&running.last.group, &running.last.topic)?;
    let (mut committed, mut at_commit) = (last.committed()?, sample()?);
    let mut moved = Instant::now();
    loop {
        let now = last.committed()?;
        if now != committed {
            (committed, at_commit, moved) = (now, sample()?, Instant::now());
        }
        if is_settled(&first, &last, committed, input)? {
            return Ok(at_commit);
        }
        running.child.check()?;
        ensure!(moved.elapsed() < STALL_LIMIT, "it stands still\n{}", running.child.said());
        sleep(PERIOD);
    }
}

fn is_settled(first: &Offsets, last: &Offsets, committed: u64, input: &Input) -> Result<bool> {
    // Nothing but records is in the input, so that its end is their number.
    Ok(committed > 0 && first.committed()? >= input.records && {
        // What the copy reads last is the input too; the end of the journal moves until the input is read.
        committed >= last.end()?
    })
}
