//! A stage's side of a log, with what is measured on the way.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use daybook_wire::topic::Topic;

use crate::format::ValueFormat;
use crate::log::{
    Append, BooksLog, Kept, Limit, Log, LogError, Partition, Polled, ReadError, Stage, Transaction,
};
use crate::metrics::{Change, Lag, Metrics};

/// Passes everything on to a log; counts partitions, times commits and remembers how old what was read is.
pub(crate) struct Measured<L> {
    log: L,
    stage: Stage,
    metrics: Metrics,
    /// When the records at hand were given, by topic.
    in_hand: BTreeMap<Topic, Instant>,
    /// Timestamp of the last record of a partition, Unix milliseconds.
    read_to: BTreeMap<(Topic, Partition), i64>,
    /// When a partition was given: what is not begun has waited since then at least.
    gained: BTreeMap<(Topic, Partition), Instant>,
    /// The change that was told last of a topic, while nothing else has been.
    changing: BTreeMap<Topic, Change>,
}

impl<L: Log> Measured<L> {
    pub(crate) fn new(log: L, stage: Stage, metrics: &Metrics) -> Self {
        Self {
            log,
            stage,
            metrics: metrics.clone(),
            in_hand: BTreeMap::new(),
            read_to: BTreeMap::new(),
            gained: BTreeMap::new(),
            changing: BTreeMap::new(),
        }
    }

    /// Tells how far the stage is in a topic.
    pub(crate) fn tell_lag(&self, topic: Topic, now_ms: i64) {
        let lag = self.log.lag(topic).into_iter().map(|(partition, records)| {
            let of = (topic, partition);
            let waited = match (records, self.read_to.get(&of), self.gained.get(&of)) {
                (0, ..) | (_, None, None) => Duration::ZERO,
                (_, Some(at), _) => {
                    Duration::from_millis(u64::try_from(now_ms.saturating_sub(*at)).unwrap_or(0))
                }
                (_, None, Some(gained)) => gained.elapsed(),
            };
            Lag { partition, records, waited }
        });
        self.metrics.lag(self.stage, topic, &lag.collect::<Vec<_>>());
    }

    fn rebalanced(&mut self, topic: Topic, change: Change) {
        // Every instance reads all of the settings: no group shares them out.
        if topic != Topic::Settings {
            let first = self.changing.insert(topic, change) != Some(change);
            self.metrics.rebalanced(self.stage, change, first);
        }
    }
}

impl<L: Log> Append for Measured<L> {
    fn commit(&mut self, transaction: Transaction) -> Result<(), LogError> {
        let topics: Vec<Topic> = transaction.positions.iter().map(|position| position.topic).collect();
        // What only restores the state publishes nothing.
        let writes = !transaction.appends.is_empty() || !topics.is_empty();
        let begun = Instant::now();
        self.log.commit(transaction)?;
        if writes {
            self.metrics.commit(self.stage, begun.elapsed());
        }
        for in_hand in topics.into_iter().filter_map(|topic| self.in_hand.remove(&topic)) {
            self.metrics.transaction(self.stage, in_hand.elapsed());
        }
        Ok(())
    }
}

impl<L: Log> Log for Measured<L> {
    fn poll(&mut self, topic: Topic, limit: Limit, wait: Duration) -> Result<Polled, LogError> {
        let polled = self.log.poll(topic, limit, wait)?;
        match &polled {
            Polled::Gained { partition, .. } => {
                self.gained.insert((topic, *partition), Instant::now());
                self.rebalanced(topic, Change::Assigned);
            }
            Polled::Lost(partition) => {
                self.read_to.remove(&(topic, *partition));
                self.gained.remove(&(topic, *partition));
                self.rebalanced(topic, Change::Revoked);
            }
            Polled::Nothing => {
                self.changing.remove(&topic);
            }
            Polled::Records(records) => {
                self.changing.remove(&topic);
                self.in_hand.insert(topic, Instant::now());
                for (partition, fetched) in records {
                    if let Some(timestamp_ms) = fetched.record.timestamp_ms {
                        self.read_to.insert((topic, *partition), timestamp_ms);
                    }
                }
            }
        }
        Ok(polled)
    }

    fn name(&self, topic: Topic) -> &str {
        self.log.name(topic)
    }

    fn json_of<'a>(&self, value: &'a [u8]) -> Result<Cow<'a, [u8]>, ReadError> {
        self.log.json_of(value)
    }

    fn lag(&self, topic: Topic) -> Vec<(Partition, u64)> {
        self.log.lag(topic)
    }
}

impl<L: BooksLog> BooksLog for Measured<L> {
    type State = L::State;

    fn value_format(&self) -> ValueFormat {
        self.log.value_format()
    }

    fn books(&mut self, partition: Partition) -> Result<Kept<Self::State>, LogError> {
        self.log.books(partition)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::VecDeque;
    use std::time::Duration;

    use daybook_wire::topic::Topic;
    use prometheus::{Registry, TextEncoder};

    use super::Measured;
    use std::borrow::Cow;

    use crate::log::{
        Append, Limit, Log, LogError, Partition, Polled, Position, ReadError, Stage, Transaction,
    };
    use crate::metrics::Metrics;
    use crate::record::{Fetched, Record};

    /// Says what it is told to say, and that three records are left in partition 0.
    struct Script(VecDeque<Polled>);

    impl Append for Script {
        fn commit(&mut self, _: Transaction) -> Result<(), LogError> {
            Ok(())
        }
    }

    impl Log for Script {
        fn poll(&mut self, _: Topic, _: Limit, _: Duration) -> Result<Polled, LogError> {
            Ok(self.0.pop_front().unwrap_or(Polled::Nothing))
        }

        fn name(&self, topic: Topic) -> &str {
            topic.name()
        }

        fn json_of<'a>(&self, value: &'a [u8]) -> Result<Cow<'a, [u8]>, ReadError> {
            // As one that reads another format.
            Ok(Cow::Owned([b"json of ", value].concat()))
        }

        fn lag(&self, _: Topic) -> Vec<(Partition, u64)> {
            vec![(0, 3), (1, 0)]
        }
    }

    #[test]
    fn what_is_asked_of_the_log_reaches_it() {
        let metrics = Metrics::register(&Registry::new()).unwrap();
        let log = Measured::new(Script(VecDeque::new()), Stage::Intake, &metrics);
        assert_eq!(&*log.json_of(b"x").unwrap(), b"json of x");
    }

    fn records(partition: Partition, timestamp_ms: i64) -> Polled {
        let record = Record { timestamp_ms: Some(timestamp_ms), ..Record::default() };
        Polled::Records(vec![(partition, Fetched { offset: 0, record })])
    }

    #[test]
    fn partitions_lag_and_commits_are_told() {
        let gained = |partition| Polled::Gained { partition, position: 0 };
        let script = [
            gained(0),
            gained(1),
            records(0, 1_000),
            records(1, 2_000),
            Polled::Lost(1),
            gained(1),
            Polled::Nothing,
            gained(2),
        ];
        let registry = Registry::new();
        let metrics = Metrics::register(&registry).unwrap();
        let polls = script.len();
        let mut log = Measured::new(Script(script.into()), Stage::Projector, &metrics);
        let limit = Limit { records_max: 1, bytes_max: 1 };
        for _ in 0..polls {
            log.poll(Topic::Journal, limit, Duration::ZERO).unwrap();
        }
        log.commit(Transaction::default()).unwrap();
        let positions = vec![Position { topic: Topic::Journal, partition: 0, offset: 1 }];
        log.commit(Transaction { positions, ..Transaction::default() }).unwrap();
        log.tell_lag(Topic::Journal, 8_500);
        metrics.chain_heights([("kept", 3), ("lost", 4)].into_iter());
        metrics.chain_heights([("kept", 5)].into_iter());
        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        for line in [
            "daybook_rebalances_total{change=\"assigned\",stage=\"projector\"} 3",
            "daybook_rebalances_total{change=\"revoked\",stage=\"projector\"} 1",
            "daybook_rebalanced_partitions_total{change=\"assigned\",stage=\"projector\"} 4",
            "daybook_rebalanced_partitions_total{change=\"assigned\",stage=\"intake\"} 0",
            "daybook_lag_records{partition=\"0\",stage=\"projector\",topic=\"journal\"} 3",
            "daybook_lag_seconds{partition=\"0\",stage=\"projector\",topic=\"journal\"} 7.5",
            "daybook_lag_seconds{partition=\"1\",stage=\"projector\",topic=\"journal\"} 0",
            "daybook_commit_duration_seconds_count{stage=\"projector\"} 1",
            "daybook_transaction_duration_seconds_count{stage=\"projector\"} 1",
            "daybook_transaction_duration_seconds_count{stage=\"intake\"} 0",
            "daybook_dead_letters_total{reason=\"event_id_conflict\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(
            text.contains("daybook_chain_height{project=\"kept\"} 5") && !text.contains("project=\"lost\""),
            "{text}"
        );
    }
}
