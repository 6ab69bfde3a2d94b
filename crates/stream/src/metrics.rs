//! Metrics of the stream, under Prometheus' naming rules. The names are a contract: docs/reference/metrics.md.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use daybook_wire::topic::Topic;

use crate::intake::IntakeCounts;
use crate::log::{Partition, Stage};
use crate::projection::Counts;

/// All metrics of intake and projector.
#[derive(Clone)]
pub struct Metrics {
    intake_records: IntCounter,
    intake_journalled: IntCounter,
    dead_letters: IntCounterVec,
    accepted: IntCounter,
    duplicates: IntCounter,
    already_seen: IntCounter,
    entries: IntCounter,
    adjustments: IntCounter,
    anomalies: IntCounterVec,
    lag_records: IntGaugeVec,
    /// Partitions that `lag_records` tells of.
    lag_of: Arc<Mutex<BTreeSet<(Stage, Topic, Partition)>>>,
    chain_height: IntGaugeVec,
    disk_bytes: IntGauge,
    restore_ratio: Gauge,
    partitions: IntGauge,
    reopened: IntCounterVec,
}

/// Names, help and labels of every metric, for the registry and for the reference page.
pub const METRICS: [(&str, &str, &[&str]); 15] = [
    ("daybook_intake_records_total", "Input records read", &[]),
    ("daybook_intake_journalled_total", "Journal records appended", &[]),
    ("daybook_dead_letters_total", "Events refused, by reason code", &["reason"]),
    ("daybook_events_accepted_total", "Charge events that entered the books", &[]),
    ("daybook_duplicates_total", "Charge events that were in the books already", &[]),
    ("daybook_already_seen_total", "Journal records that intake appended twice", &[]),
    ("daybook_entries_total", "Entries published, adjusting entries included", &[]),
    ("daybook_adjustments_total", "Adjusting entries published", &[]),
    ("daybook_anomalies_total", "Flags raised in entries", &["flag"]),
    (
        "daybook_lag_records",
        "Records not yet read by a stage, of the partitions that it has",
        &["stage", "topic", "partition"],
    ),
    ("daybook_chain_height", "Number of a project's last entry", &["project"]),
    ("daybook_disk_bytes", "Size of the folder of the embedded log, or of the state", &[]),
    ("daybook_restore_progress_ratio", "Share of the state restored, 1 when done", &[]),
    ("daybook_journal_partitions", "Journal partitions that this instance has", &[]),
    (
        "daybook_stage_restarts_total",
        "Times that a stage was made again from what is committed: an abort, an unknown outcome, a lost broker",
        &["stage"],
    ),
];

impl Metrics {
    /// Makes and registers them.
    ///
    /// # Errors
    /// Where the registry has one of the names.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let opts = |index: usize| {
            let (name, help, _) = METRICS[index];
            Opts::new(name, help)
        };
        let counter = |i| registered(registry, IntCounter::with_opts(opts(i))?);
        let counters = |i: usize| registered(registry, IntCounterVec::new(opts(i), METRICS[i].2)?);
        let gauges = |i: usize| registered(registry, IntGaugeVec::new(opts(i), METRICS[i].2)?);
        Ok(Self {
            intake_records: counter(0)?,
            intake_journalled: counter(1)?,
            dead_letters: counters(2)?,
            accepted: counter(3)?,
            duplicates: counter(4)?,
            already_seen: counter(5)?,
            entries: counter(6)?,
            adjustments: counter(7)?,
            anomalies: counters(8)?,
            lag_records: gauges(9)?,
            lag_of: Arc::default(),
            chain_height: gauges(10)?,
            disk_bytes: registered(registry, IntGauge::with_opts(opts(11))?)?,
            restore_ratio: registered(registry, Gauge::with_opts(opts(12))?)?,
            partitions: registered(registry, IntGauge::with_opts(opts(13))?)?,
            reopened: counters(14)?,
        })
    }

    /// Adds what a step has done: `now` less `before`.
    pub fn intake(&self, before: &IntakeCounts, now: &IntakeCounts) {
        self.intake_records.inc_by(now.records - before.records);
        self.intake_journalled.inc_by(now.journalled - before.journalled);
        add_labelled(&self.dead_letters, &before.refused, &now.refused);
    }

    /// Adds what a step has done: `now` less `before`.
    pub fn projector(&self, before: &Counts, now: &Counts) {
        self.accepted.inc_by(now.accepted - before.accepted);
        self.duplicates.inc_by(now.duplicates - before.duplicates);
        self.already_seen.inc_by(now.already_seen - before.already_seen);
        self.entries.inc_by(now.entries - before.entries);
        self.adjustments.inc_by(now.adjustments - before.adjustments);
        add_labelled(&self.dead_letters, &before.refused, &now.refused);
        add_labelled(&self.anomalies, &before.flags, &now.flags);
    }

    /// Sets how many records a stage has yet to read of the partitions that it has; of others it tells no more.
    pub fn lag(&self, stage: Stage, topic: Topic, lag: &[(Partition, u64)]) {
        let gauge_of =
            |partition: Partition| [stage.name(), topic.name(), &partition.to_string()].map(str::to_owned);
        let mut told = self.lag_of.lock().unwrap_or_else(PoisonError::into_inner);
        for (partition, records) in lag {
            self.lag_records.with_label_values(&gauge_of(*partition)).set(gauge(*records));
            told.insert((stage, topic, *partition));
        }
        told.retain(|(s, t, partition)| {
            let is_lost = (*s, *t) == (stage, topic) && !lag.iter().any(|(p, _)| p == partition);
            if is_lost {
                // It was there: nobody else removes it.
                let _ = self.lag_records.remove_label_values(&gauge_of(*partition));
            }
            !is_lost
        });
    }

    /// Counts a stage that was made again.
    pub fn reopened(&self, stage: Stage) {
        self.reopened.with_label_values(&[stage.name()]).inc();
    }

    /// Sets the number of a project's last entry.
    pub fn chain_height(&self, project: &str, entry_number: u64) {
        self.chain_height.with_label_values(&[project]).set(gauge(entry_number));
    }

    /// Sets the size of the folder.
    pub fn disk(&self, bytes: u64) {
        self.disk_bytes.set(gauge(bytes));
    }

    /// Sets how many journal partitions there are and how far their state is restored: of each the offset of the
    /// next record and that of the first to be published.
    // A share for a progress display; no money comes near it.
    #[allow(clippy::float_arithmetic, clippy::cast_precision_loss)]
    pub fn partitions(&self, partitions: impl Iterator<Item = (Partition, u64, u64)>) {
        let (mut count, mut done, mut of) = (0, 0, 0);
        for (_, next, published) in partitions {
            count += 1;
            done += next.min(published);
            of += published;
        }
        self.partitions.set(count);
        self.restore_ratio.set(if of == 0 { 1.0 } else { done as f64 / of as f64 });
    }
}

fn registered<M: prometheus::core::Collector + Clone + 'static>(
    registry: &Registry,
    metric: M,
) -> Result<M, prometheus::Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn add_labelled(
    counter: &IntCounterVec,
    before: &BTreeMap<&'static str, u64>,
    now: &BTreeMap<&'static str, u64>,
) {
    for (label, count) in now {
        counter.with_label_values(&[label]).inc_by(count - before.get(label).copied().unwrap_or(0));
    }
}

fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
