//! Latency at a fixed rate: from when an event is due to be sent to when its entry can be read.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use hdrhistogram::Histogram;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Message, TopicPartitionList};
use serde::Serialize;

use crate::cluster::{Cluster, PARTITIONS};
use crate::input::{Input, now};
use crate::machine;
use crate::program::{Kind, Running};
use crate::sender::Sender;
use crate::throughput::{Sample, settled};

/// Windows of each rate.
pub const WINDOWS: u32 = 3;
/// Seconds at the beginning that do not count.
const WARM_UP: u32 = 5;
/// How long the probe still waits for entries when all is committed.
const SILENCE: Duration = Duration::from_secs(2);
/// Latencies beyond this count as this: ten minutes, in microseconds.
const LONGEST_US: u64 = 600_000_000;
/// What canonical JSON holds of an entry that adjusts no other.
const ORIGINAL: &[u8] = b"\"corrects\":null";

/// What a window has shown.
#[derive(Clone, Debug, Serialize)]
pub struct Window {
    /// Of which program.
    pub program: Kind,
    /// Events sent per second.
    pub rate: u32,
    /// Which, from 1.
    pub window: u32,
    /// Entries of events that were due in it.
    pub entries: u64,
    /// Half of them could be read within so many milliseconds.
    pub p50_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// 999 of 1000.
    pub p999_ms: f64,
    /// All.
    pub max_ms: f64,
    /// CPU microseconds of the program per event.
    pub client_us: f64,
    /// CPU microseconds of the broker per event.
    pub broker_us: Option<f64>,
    /// What neither used of the machine's CPUs, the sender and the probe included. A share.
    pub others: f64,
    /// So much later than planned 99 of 100 records were sent, in all windows.
    pub late_p99_ms: f64,
}

/// When windows begin and end.
#[derive(Clone, Copy)]
struct Plan {
    /// When the first event is due, since 1970.
    begin: Duration,
    /// How long a window is.
    seconds: u32,
}

impl Plan {
    /// When a window begins; the last one's end where there is none of this number. Both since 1970.
    fn begin_of(&self, window: u32) -> Duration {
        self.begin + Duration::from_secs(u64::from(WARM_UP + window * self.seconds))
    }

    /// The window in which a record was due.
    fn window_of(&self, timestamp_ms: i64) -> Option<usize> {
        let due = Duration::from_millis(u64::try_from(timestamp_ms).ok()?);
        let since = due.checked_sub(self.begin_of(0))?;
        usize::try_from(since.as_secs() / u64::from(self.seconds)).ok().filter(|w| *w < WINDOWS as usize)
    }
}

/// Measures a program that runs on an empty topic; what was sent to it.
pub fn measure(
    cluster: &Cluster,
    running: &mut Running,
    rate: u32,
    seconds: u32,
    broker: &[u32],
) -> Result<(Vec<Window>, Input)> {
    for stage in [&running.first, &running.last] {
        cluster.wait_for_members(&stage.group)?;
    }
    let sender = Sender::new(cluster, &running.first.topic, rate, WARM_UP + WINDOWS * seconds)?;
    let probe = Probe::open(cluster, running)?;
    let plan = Plan { begin: now()? + Duration::from_millis(100), seconds };
    let drained = AtomicBool::new(false);
    thread::scope(|scope| {
        let sending = scope.spawn(move || sender.run(plan.begin));
        let probing = scope.spawn(|| probe.run(plan, &drained));
        let measured = (|| {
            let samples = samples(plan, running, broker)?;
            let sent = joined(sending.join())?;
            settled(cluster, running, &sent.input, || Ok(()))?;
            anyhow::Ok((samples, sent))
        })();
        // Whatever has happened, the probe must end.
        drained.store(true, Ordering::Relaxed);
        let histograms = joined(probing.join())?;
        let (samples, sent) = measured?;
        let events = f64::from(rate) * f64::from(seconds);
        let pairs = samples.iter().zip(samples.iter().skip(1));
        let windows = (1..).zip(histograms.iter().zip(pairs)).map(|(window, (histogram, (begin, end)))| {
            let used = end.since(begin);
            let ms = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e3;
            Window {
                program: running.kind,
                rate,
                window,
                entries: histogram.len(),
                p50_ms: ms(0.5),
                p99_ms: ms(0.99),
                p999_ms: ms(0.999),
                max_ms: histogram.max() as f64 / 1e3,
                client_us: used.client * 1e6 / events,
                broker_us: (!broker.is_empty()).then(|| used.broker * 1e6 / events),
                others: used.others / used.seconds / machine::cores(),
                late_p99_ms: sent.late_us.value_at_quantile(0.99) as f64 / 1e3,
            }
        });
        Ok((windows.collect(), sent.input))
    })
}

/// CPU times at the beginning of each window and at the end of the last.
fn samples(plan: Plan, running: &mut Running, broker: &[u32]) -> Result<Vec<Sample>> {
    let sample = |window| {
        thread::sleep(plan.begin_of(window).saturating_sub(now()?));
        running.child.check()?;
        Sample::take(running.child.pid(), broker)
    };
    (0..=WINDOWS).map(sample).collect()
}

/// Reads the entries as they become visible.
struct Probe {
    consumer: BaseConsumer,
    kind: Kind,
}

impl Probe {
    fn open(cluster: &Cluster, running: &Running) -> Result<Self> {
        let topic = running.topic("ledger.entries");
        let mut config = cluster.client();
        // Nobody joins it; the client wants a group to assign partitions at all.
        config.set("group.id", &topic).set("enable.auto.commit", "false");
        config.set("isolation.level", "read_committed");
        let consumer: BaseConsumer = config.create()?;
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&topic, 0, PARTITIONS - 1);
        list.set_all_offsets(rdkafka::Offset::Beginning)?;
        consumer.assign(&list)?;
        Ok(Self { consumer, kind: running.kind })
    }

    fn run(self, plan: Plan, drained: &AtomicBool) -> Result<Vec<Histogram<u64>>> {
        let empty = || Histogram::new_with_max(LONGEST_US, 3).context("no histogram");
        let mut histograms = (0..WINDOWS).map(|_| empty()).collect::<Result<Vec<_>>>()?;
        loop {
            let message = match self.consumer.poll(SILENCE) {
                Some(message) => message.context("failed to read the entries")?,
                None if drained.load(Ordering::Relaxed) => return Ok(histograms),
                None => continue,
            };
            let received = now()?;
            // An adjusting entry has the timestamp of the event that caused it, whose own entry is measured.
            let is_original = || {
                let value = message.payload().unwrap_or_default();
                value.windows(ORIGINAL.len()).any(|part| part == ORIGINAL)
            };
            if self.kind == Kind::Daybook && !is_original() {
                continue;
            }
            let timestamp_ms = message.timestamp().to_millis().context("an entry has no timestamp")?;
            if let Some(histogram) = plan.window_of(timestamp_ms).and_then(|w| histograms.get_mut(w)) {
                let due = Duration::from_millis(u64::try_from(timestamp_ms)?);
                let us = u64::try_from(received.saturating_sub(due).as_micros())?;
                histogram.saturating_record(us);
            }
        }
    }
}

fn joined<T>(outcome: thread::Result<Result<T>>) -> Result<T> {
    outcome.map_err(|_| anyhow!("a thread has panicked"))?
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Plan;

    #[test]
    fn windows() {
        let plan = Plan { begin: Duration::from_secs(100), seconds: 10 };
        let at = |seconds: i64| plan.window_of(seconds * 1000);
        assert_eq!([at(99), at(104), at(105), at(114)], [None, None, Some(0), Some(0)]);
        assert_eq!([at(115), at(134), at(135), at(-1)], [Some(1), Some(2), None, None]);
    }
}
