//! Metrics of the stream. Names and labels are a contract: docs/reference/metrics.md.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use daybook_core::flags::Flag;
use daybook_core::rejection::Reason;
use daybook_metrics::{Label, Metric, metrics};
use prometheus::{Gauge, GaugeVec, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use daybook_wire::topic::Topic;

use crate::intake::IntakeCounts;
use crate::log::{Partition, Stage};
use crate::projection::Counts;

/// From a commit of the embedded log on a fast disk to a broker that is about to be given up.
const BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

const STAGE: Label = Label::fixed("stage", || [Stage::Intake, Stage::Projector].map(Stage::name).to_vec());
const REASON: Label = Label::fixed("reason", || Reason::ALL.iter().map(|reason| reason.code()).collect());
const FLAG: Label = Label::fixed("flag", || Flag::ALL.iter().map(|flag| flag.name()).collect());
const CHANGE: Label = Label::fixed("change", || Change::ALL.map(Change::name).to_vec());
/// Intake reads two topics, the projector one.
const PARTITION: &[Label] = &[
    Label::each("stage", "partitions of charges, spend and the journal"),
    // The stage follows from the topic.
    Label::one("topic"),
    Label::one("partition"),
];

metrics! {
    INTAKE_RECORDS = Metric::counter("daybook_intake_records_total", "records", "Input records read");
    INTAKE_JOURNALLED =
        Metric::counter("daybook_intake_journalled_total", "records", "Journal records appended, ticks aside");
    DEAD_LETTERS =
        Metric::counter("daybook_dead_letters_total", "events", "Events refused, by reason code").by(&[REASON]);
    ACCEPTED =
        Metric::counter("daybook_events_accepted_total", "events", "Charge events that entered the books");
    SPEND_ACCEPTED =
        Metric::counter("daybook_spend_accepted_total", "events", "Spend events that entered the books");
    DUPLICATES =
        Metric::counter("daybook_duplicates_total", "events", "Events that were in the books already");
    ALREADY_SEEN =
        Metric::counter("daybook_already_seen_total", "records", "Journal records that intake appended twice");
    ENTRIES =
        Metric::counter("daybook_entries_total", "entries", "Entries published, adjusting entries included");
    ADJUSTMENTS = Metric::counter("daybook_adjustments_total", "entries", "Adjusting entries published");
    CLEARINGS =
        Metric::counter("daybook_clearings_total", "entries", "Entries of payments that time assumes");
    ANOMALIES = Metric::counter("daybook_anomalies_total", "flags", "Flags raised in entries").by(&[FLAG]);
    LAG_RECORDS = Metric::gauge(
        "daybook_lag_records",
        "records",
        "Records that a stage has yet to read, of the partitions that it has",
    )
    .by(PARTITION);
    LAG_SECONDS = Metric::gauge(
        "daybook_lag_seconds",
        "seconds",
        "Age of the record that a stage read last of a partition, while there are records that it has yet to read; 0 \
         when it has read all",
    )
    .by(PARTITION);
    TRANSACTION_SECONDS = Metric::seconds(
        "daybook_transaction_duration_seconds",
        BUCKETS,
        "Time from a batch of records in a stage's hand to its commit",
    )
    .by(&[STAGE]);
    COMMIT_SECONDS = Metric::seconds(
        "daybook_commit_duration_seconds",
        BUCKETS,
        "Time that commits take; intake's on Kafka only hand records to the producer, and wait for brokers twice a \
         second",
    )
    .by(&[STAGE]);
    REBALANCES = Metric::counter(
        "daybook_rebalances_total",
        "rebalances",
        "Times that a stage was given partitions or had to give some up, the first of its life included",
    )
    .by(&[STAGE, CHANGE]);
    REBALANCED_PARTITIONS = Metric::counter(
        "daybook_rebalanced_partitions_total",
        "partitions",
        "Partitions that a stage was given or had to give up",
    )
    .by(&[STAGE, CHANGE]);
    CHAIN_HEIGHT = Metric::gauge("daybook_chain_height", "entries", "Number of a project's last entry")
        .by(&[Label::each("project", "projects, which whoever may write to charges can name")]);
    DISK_BYTES = Metric::gauge(
        "daybook_disk_bytes",
        "bytes",
        "Size of the folder: of the embedded log with its state, or on Kafka of the state",
    );
    RESTORE_PROGRESS = Metric::gauge(
        "daybook_restore_progress_ratio",
        "ratio",
        "Share of the published journal that the state has seen; 1 when it is restored",
    );
    JOURNAL_PARTITIONS = Metric::gauge(
        "daybook_journal_partitions",
        "partitions",
        "Journal partitions that this instance has",
    );
    INTAKE_WAITING = Metric::gauge(
        "daybook_intake_waiting",
        "boolean",
        "1 while intake waits for the schema registry with records in hand, 0 otherwise",
    );
    STAGE_RESTARTS = Metric::counter(
        "daybook_stage_restarts_total",
        "restarts",
        "Times that a stage was made again from what is committed: an abort, an unknown outcome, a lost broker",
    )
    .by(&[STAGE]);
}

/// What a rebalance does to a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is given partitions.
    Assigned,
    /// It has to give some up.
    Revoked,
}

impl Change {
    /// Both.
    pub const ALL: [Change; 2] = [Change::Assigned, Change::Revoked];

    /// Its name in metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Change::Assigned => "assigned",
            Change::Revoked => "revoked",
        }
    }
}

/// How far a stage is in a partition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lag {
    /// The partition.
    pub partition: Partition,
    /// Records that are not read yet.
    pub records: u64,
    /// Age of the last record that was read, where some are not; of one of which none was read, for how long the stage
    /// has had it.
    pub waited: Duration,
}

/// All metrics of intake and projector.
#[derive(Clone)]
pub struct Metrics {
    intake_records: IntCounter,
    intake_journalled: IntCounter,
    dead_letters: IntCounterVec,
    accepted: IntCounter,
    spend_accepted: IntCounter,
    duplicates: IntCounter,
    already_seen: IntCounter,
    entries: IntCounter,
    adjustments: IntCounter,
    clearings: IntCounter,
    anomalies: IntCounterVec,
    lag_records: IntGaugeVec,
    lag_seconds: GaugeVec,
    /// Partitions that the lag is told of.
    lag_of: Arc<Mutex<BTreeSet<(Stage, Topic, Partition)>>>,
    transaction_seconds: HistogramVec,
    commit_seconds: HistogramVec,
    rebalances: IntCounterVec,
    rebalanced_partitions: IntCounterVec,
    chain_height: IntGaugeVec,
    /// Projects that the height is told of.
    height_of: Arc<Mutex<BTreeSet<String>>>,
    disk_bytes: IntGauge,
    restore_ratio: Gauge,
    partitions: IntGauge,
    intake_waiting: IntGauge,
    reopened: IntCounterVec,
}

impl Metrics {
    /// Makes and registers them.
    ///
    /// # Errors
    /// Where the registry has one of the names.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            intake_records: INTAKE_RECORDS.register_counter(registry)?,
            intake_journalled: INTAKE_JOURNALLED.register_counter(registry)?,
            dead_letters: DEAD_LETTERS.register_counters(registry)?,
            accepted: ACCEPTED.register_counter(registry)?,
            spend_accepted: SPEND_ACCEPTED.register_counter(registry)?,
            duplicates: DUPLICATES.register_counter(registry)?,
            already_seen: ALREADY_SEEN.register_counter(registry)?,
            entries: ENTRIES.register_counter(registry)?,
            adjustments: ADJUSTMENTS.register_counter(registry)?,
            clearings: CLEARINGS.register_counter(registry)?,
            anomalies: ANOMALIES.register_counters(registry)?,
            lag_records: LAG_RECORDS.register_gauges(registry)?,
            lag_seconds: LAG_SECONDS.register_float_gauges(registry)?,
            lag_of: Arc::default(),
            transaction_seconds: TRANSACTION_SECONDS.register_histograms(registry)?,
            commit_seconds: COMMIT_SECONDS.register_histograms(registry)?,
            rebalances: REBALANCES.register_counters(registry)?,
            rebalanced_partitions: REBALANCED_PARTITIONS.register_counters(registry)?,
            chain_height: CHAIN_HEIGHT.register_gauges(registry)?,
            height_of: Arc::default(),
            disk_bytes: DISK_BYTES.register_gauge(registry)?,
            restore_ratio: RESTORE_PROGRESS.register_float_gauge(registry)?,
            partitions: JOURNAL_PARTITIONS.register_gauge(registry)?,
            intake_waiting: INTAKE_WAITING.register_gauge(registry)?,
            reopened: STAGE_RESTARTS.register_counters(registry)?,
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
        self.spend_accepted.inc_by(now.accepted_spend - before.accepted_spend);
        self.duplicates.inc_by(now.duplicates - before.duplicates);
        self.already_seen.inc_by(now.already_seen - before.already_seen);
        self.entries.inc_by(now.entries - before.entries);
        self.adjustments.inc_by(now.adjustments - before.adjustments);
        self.clearings.inc_by(now.clearings - before.clearings);
        add_labelled(&self.dead_letters, &before.refused, &now.refused);
        add_labelled(&self.anomalies, &before.flags, &now.flags);
    }

    /// Sets how far a stage is in the partitions of a topic that it has; of others it tells no more.
    pub fn lag(&self, stage: Stage, topic: Topic, lag: &[Lag]) {
        let labels =
            |partition: Partition| [stage.name(), topic.name(), &partition.to_string()].map(str::to_owned);
        let mut told = self.lag_of.lock().unwrap_or_else(PoisonError::into_inner);
        for Lag { partition, records, waited } in lag {
            let labels = labels(*partition);
            self.lag_records.with_label_values(&labels).set(gauge(*records));
            self.lag_seconds.with_label_values(&labels).set(waited.as_secs_f64());
            told.insert((stage, topic, *partition));
        }
        told.retain(|(s, t, partition)| {
            let is_lost = (*s, *t) == (stage, topic) && !lag.iter().any(|lag| lag.partition == *partition);
            if is_lost {
                // They were there: nobody else removes them.
                let _ = self.lag_records.remove_label_values(&labels(*partition));
                let _ = self.lag_seconds.remove_label_values(&labels(*partition));
            }
            !is_lost
        });
    }

    /// Notes how long a batch took from a stage's hand to its commit.
    pub fn transaction(&self, stage: Stage, took: Duration) {
        self.transaction_seconds.with_label_values(&[stage.name()]).observe(took.as_secs_f64());
    }

    /// Notes how long a commit took.
    pub fn commit(&self, stage: Stage, took: Duration) {
        self.commit_seconds.with_label_values(&[stage.name()]).observe(took.as_secs_f64());
    }

    /// Counts a partition that a stage was given or had to give up; `first` of those that were told together.
    pub fn rebalanced(&self, stage: Stage, change: Change, first: bool) {
        let labels = [stage.name(), change.name()];
        self.rebalanced_partitions.with_label_values(&labels).inc();
        self.rebalances.with_label_values(&labels).inc_by(first.into());
    }

    /// Says whether intake waits for the schema registry.
    pub fn intake_waiting(&self, waits: bool) {
        self.intake_waiting.set(waits.into());
    }

    /// Counts a stage that was made again.
    pub fn reopened(&self, stage: Stage) {
        self.reopened.with_label_values(&[stage.name()]).inc();
    }

    /// Sets the number of the last entry of each project whose books this instance has; of others it tells no more.
    pub fn chain_heights<'a>(&self, heights: impl Iterator<Item = (&'a str, u64)>) {
        let mut told = self.height_of.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gone = std::mem::take(&mut *told);
        for (project, entry_number) in heights {
            self.chain_height.with_label_values(&[project]).set(gauge(entry_number));
            told.insert(gone.take(project).unwrap_or_else(|| project.to_owned()));
        }
        for project in gone {
            // It was there: nobody else removes it.
            let _ = self.chain_height.remove_label_values(&[&*project]);
        }
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
