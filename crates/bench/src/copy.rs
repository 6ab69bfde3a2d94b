//! The bare copy: what any program pays that reads the input in a group and writes the product's volume in transactions.
//!
//! For each input record it writes as many records of the journal, the entries and the points as the product does on
//! average, and as large; the first bytes are the input's. It parses nothing and keeps no state. A second thread reads
//! the journal back, as the product has to, and drops it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use daybook_kafka::{Offset, Outgoing, Producer, TopicHandle};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::BorrowedMessage;
use rdkafka::{Message, TopicPartitionList};

use crate::arguments::{CopyArguments, Volume};
use crate::child::{Child, Ending};
use crate::cluster::{Cluster, PARTITIONS, client};
use crate::program::{Kind, Program, Running, Stage};

/// The topics written to, named as the product's.
pub const TOPICS: [&str; 3] = ["journal", "ledger.entries", "rewards.points"];
/// Input records of a transaction; the product's bound.
const RECORDS_MAX: u64 = 10_000;
/// How long a step of a transaction may take.
const LIMIT: Duration = Duration::from_secs(20);

/// The copy as a program under measurement.
pub struct BareCopy<'a> {
    /// Where it is to run.
    pub cluster: &'a Cluster,
    /// Where its log goes.
    pub folder: &'a Path,
    /// How much is to be written to each of [`TOPICS`].
    pub volumes: [Volume; 3],
    /// For how many input records that is.
    pub of: u64,
}

impl Program for BareCopy<'_> {
    fn start(&self, name: &str, input: &str, commit_interval_ms: u64) -> Result<Running> {
        let prefix = format!("{name}.");
        let names: Vec<String> = TOPICS.iter().map(|topic| format!("{prefix}{topic}")).collect();
        self.cluster.create(&names)?;
        let own: PathBuf = std::env::current_exe().context("this program has no path")?;
        let mut command = Command::new(own);
        command.args(["copy", "--bootstrap", self.cluster.bootstrap(), "--from", input, "--group", name]);
        command.args(["--prefix", &prefix, "--commit-interval-ms", &commit_interval_ms.to_string()]);
        command.args(["--of", &self.of.to_string(), "--volumes"]);
        command.args(self.volumes.map(|volume| format!("{}:{}", volume.records, volume.bytes)));
        let log = self.folder.join(format!("{name}.log"));
        let stage = || Stage { group: name.to_owned(), topic: input.to_owned() };
        Ok(Running {
            kind: Kind::Copy,
            child: Child::start(&mut command, Ending::Input, &log)?,
            prefix,
            first: stage(),
            last: stage(),
        })
    }
}

/// Runs the command: copies until standard input ends.
pub fn copy(arguments: &CopyArguments) -> Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let stopper = Arc::clone(&stop);
    thread::spawn(move || {
        // Whatever ends it, nobody wants the copy any more.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        stopper.store(true, Ordering::Relaxed);
    });
    let reader = {
        let (consumer, stop) = (journal_reader(arguments)?, Arc::clone(&stop));
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                if let Some(Err(error)) = consumer.poll(Duration::from_millis(100)) {
                    eprintln!("journal: {error}");
                }
            }
        })
    };
    Copier::open(arguments)?.run(&stop)?;
    // It only ends by `stop`.
    let _ = reader.join();
    Ok(())
}

/// A consumer as the product's are (crates/stream/src/kafka/settings.rs).
fn consumer(arguments: &CopyArguments) -> ClientConfig {
    let mut config = client(&arguments.bootstrap);
    config
        .set("group.id", &arguments.group)
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("fetch.queue.backoff.ms", "10")
        .set("queued.min.messages", "20000")
        .set("queued.max.messages.kbytes", "8192")
        .set("fetch.max.bytes", "4194304")
        .set("partition.assignment.strategy", "cooperative-sticky");
    config
}

fn journal_reader(arguments: &CopyArguments) -> Result<BaseConsumer> {
    let mut config = consumer(arguments);
    config.set("group.id", format!("{}.journal", arguments.group));
    let consumer: BaseConsumer = config.create()?;
    let mut list = TopicPartitionList::new();
    list.add_partition_range(&format!("{}{}", arguments.prefix, TOPICS[0]), 0, PARTITIONS - 1);
    list.set_all_offsets(rdkafka::Offset::Beginning)?;
    consumer.assign(&list)?;
    Ok(consumer)
}

/// A topic that is written to.
struct Target {
    handle: TopicHandle,
    volume: Volume,
    /// Key and value together.
    record_bytes: usize,
}

struct Output {
    targets: Vec<Target>,
    /// For how many input records the targets' volumes are.
    of: u64,
    /// What the values are cut from.
    buffer: Vec<u8>,
    copied: u64,
}

impl Output {
    /// Writes what stands for the next input record.
    fn write(&mut self, producer: &Producer, message: &BorrowedMessage<'_>) -> Result<()> {
        let key = message.key().unwrap_or_default();
        let input = message.payload().unwrap_or_default();
        let shared = input.len().min(self.buffer.len());
        self.buffer[..shared].copy_from_slice(&input[..shared]);
        for target in &self.targets {
            let record = Outgoing {
                partition: None,
                key,
                value: Some(&self.buffer[..target.record_bytes.saturating_sub(key.len())]),
                headers: &[],
                timestamp_ms: message.timestamp().to_millis(),
            };
            for _ in 0..share(target.volume.records, self.copied, self.of) {
                producer.send(&target.handle, &record)?;
            }
        }
        self.copied += 1;
        Ok(())
    }
}

struct Copier<'a> {
    arguments: &'a CopyArguments,
    consumer: BaseConsumer,
    producer: Producer,
    output: Output,
    /// Offset of the next record by partition, of those read in the open transaction.
    next: Vec<Option<i64>>,
}

impl<'a> Copier<'a> {
    fn open(arguments: &'a CopyArguments) -> Result<Self> {
        let mut config = client(&arguments.bootstrap);
        config
            .set("transactional.id", &arguments.group)
            // As the product's (crates/stream/src/kafka/projector.rs).
            .set("linger.ms", "20")
            .set("batch.size", "262144")
            .set("queue.buffering.max.messages", "200000")
            .set("queue.buffering.max.kbytes", "32768");
        let producer = Producer::new(&config)?;
        producer.init_transactions(LIMIT)?;
        let target = |(topic, volume): (&str, &Volume)| {
            let handle = producer.topic(&format!("{}{topic}", arguments.prefix))?;
            let record_bytes = usize::try_from(volume.bytes / volume.records.max(1))?;
            anyhow::Ok(Target { handle, volume: *volume, record_bytes })
        };
        let targets = TOPICS.into_iter().zip(&arguments.volumes).map(target).collect::<Result<Vec<_>>>()?;
        let longest = targets.iter().map(|target| target.record_bytes).max().unwrap_or(0);
        let consumer: BaseConsumer = consumer(arguments).create()?;
        consumer.subscribe(&[&arguments.from])?;
        let next = vec![None; usize::try_from(PARTITIONS)?];
        let output = Output { targets, of: arguments.of, buffer: vec![b'.'; longest], copied: 0 };
        Ok(Self { arguments, consumer, producer, output, next })
    }

    fn run(mut self, stop: &AtomicBool) -> Result<()> {
        let interval = Duration::from_millis(self.arguments.commit_interval_ms);
        let mut committed_at = Instant::now();
        let mut open = 0;
        while !stop.load(Ordering::Relaxed) {
            let left = interval.saturating_sub(committed_at.elapsed());
            if open > 0 && (open >= RECORDS_MAX || left.is_zero()) {
                self.commit()?;
                (open, committed_at) = (0, Instant::now());
                continue;
            }
            let wait = if open == 0 { Duration::from_millis(100) } else { left };
            match self.consumer.poll(wait) {
                None => {}
                Some(Err(error)) => eprintln!("input: {error}"),
                Some(Ok(message)) => {
                    if open == 0 {
                        self.producer.begin()?;
                    }
                    self.output.write(&self.producer, &message)?;
                    let partition = usize::try_from(message.partition())?;
                    if let Some(next) = self.next.get_mut(partition) {
                        *next = Some(message.offset() + 1);
                    }
                    open += 1;
                }
            }
        }
        if open > 0 {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        let offset = |(partition, next): (i32, &mut Option<i64>)| {
            Some(Offset { topic: self.arguments.from.clone(), partition, offset: next.take()? })
        };
        let offsets: Vec<Offset> = (0..).zip(&mut self.next).filter_map(offset).collect();
        self.producer.send_offsets(&offsets, &self.consumer, LIMIT)?;
        self.producer.commit(LIMIT)?;
        Ok(())
    }
}

/// How many of `total` records fall to the input record of an index, so that `of` of them make all.
fn share(total: u64, index: u64, of: u64) -> u64 {
    let before = |index: u64| u128::from(index) * u128::from(total) / u128::from(of.max(1));
    u64::try_from(before(index + 1) - before(index)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_make_all() {
        for (total, of) in [(0, 3), (1, 3), (3, 3), (7, 3), (1_240_311, 1_000)] {
            assert_eq!((0..of).map(|index| share(total, index, of)).sum::<u64>(), total);
            assert!((0..of).all(|index| share(total, index, of) <= total / of + 1));
        }
    }
}
