//! Where commands that look at books take the records from.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use daybook_stream::embedded::EmbeddedLog;
use daybook_stream::kafka::{Begin, KafkaSettings, TopicReader, starts};
use daybook_stream::local::LocalLog;
use daybook_stream::log::Limit;
use daybook_stream::record::Record;
use daybook_wire::topic::Topic;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::args::SourceArguments;
use crate::config::Config;
use crate::exit::{Exit, ExitWith};
use crate::instance::{self, kafka_settings};
use crate::remote::Remote;

/// Records of a topic read at once.
const PAGE: usize = 5_000;

/// Takes one record of a topic.
pub type Each<'a> = dyn FnMut(&Record) -> anyhow::Result<()> + 'a;

/// Offsets in a topic by its partitions.
pub type Offsets = BTreeMap<u32, u64>;

/// A place that has all topics.
pub enum Source {
    /// Kafka, with the topics that are published to.
    Kafka(Box<KafkaSettings>, Vec<Topic>),
    /// A folder of the embedded log.
    Log(EmbeddedLog),
    /// A folder that `process` wrote.
    Files(PathBuf),
    /// A running instance.
    Instance(Remote),
}

/// A line of a file of `process`.
#[derive(Deserialize)]
struct Line<'a> {
    key: String,
    #[serde(borrow)]
    value: &'a RawValue,
}

impl Source {
    /// Opens what the arguments name.
    pub fn open(arguments: &SourceArguments) -> anyhow::Result<Self> {
        if arguments.config.is_some() {
            return Self::configured(&Config::load(arguments.config.as_deref())?);
        }
        if let Some(url) = &arguments.url {
            let api_key = arguments.api_key.clone().unwrap_or_default();
            return Ok(Source::Instance(Remote { url: url.trim_end_matches('/').to_owned(), api_key }));
        }
        let folder = arguments.folder.clone().unwrap_or_default();
        if !folder.is_dir() {
            let message = format!("no folder {}", folder.display());
            return Err(ExitWith::error(Exit::Misconfigured, anyhow!(message)));
        }
        if instance::is_log(&folder) {
            EmbeddedLog::open_existing(&folder).map(Source::Log).map_err(instance::open_failed)
        } else {
            Ok(Source::Files(folder))
        }
    }

    /// The log that a configuration names.
    fn configured(config: &Config) -> anyhow::Result<Self> {
        match kafka_settings(config, || Ok("reader".to_owned()))? {
            Some(kafka) => Ok(Source::Kafka(Box::new(kafka), config.projector.topics())),
            None => {
                EmbeddedLog::open_existing(&config.log.folder).map(Source::Log).map_err(instance::open_failed)
            }
        }
    }

    /// The output topics that are published to.
    pub fn outputs(&self) -> Vec<Topic> {
        match self {
            Source::Kafka(_, outputs) => outputs.clone(),
            Source::Log(_) | Source::Files(_) | Source::Instance(_) => Topic::PROJECTED.to_vec(),
        }
    }

    /// Offsets at which a topic begins, where records may have been deleted.
    pub fn starts(&self, topic: Topic) -> anyhow::Result<Offsets> {
        match self {
            Source::Kafka(kafka, _) => starts(kafka, topic).context("failed to read where the topic begins"),
            Source::Log(_) | Source::Files(_) | Source::Instance(_) => Ok(Offsets::new()),
        }
    }

    /// Entries and journal records, for the progress bar.
    pub fn length(&self) -> anyhow::Result<u64> {
        match self {
            Source::Log(log) => Ok(log.end(Topic::Journal)? + log.end(Topic::LedgerEntries)?),
            Source::Kafka(..) | Source::Files(_) | Source::Instance(_) => Ok(0),
        }
    }

    /// Events read as the place itself says, where the input is not at hand.
    pub fn events_read(&self) -> anyhow::Result<Option<u64>> {
        let Source::Files(folder) = self else { return Ok(None) };
        #[derive(Deserialize)]
        struct Summary {
            events_read: u64,
        }
        let path = folder.join("summary.json");
        let text = std::fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
        let summary: Summary =
            serde_json::from_slice(&text).with_context(|| format!("failed to read {}", path.display()))?;
        Ok(Some(summary.events_read))
    }

    /// Journal offsets up to which running instances have published, of every journal partition; `None` where nothing
    /// moves.
    pub fn positions(&self) -> anyhow::Result<Option<Offsets>> {
        let mut positions = match self {
            Source::Kafka(kafka, _) => {
                (0..kafka.journal_partitions).map(|partition| (partition, 0)).collect()
            }
            Source::Instance(_) => Offsets::from([(0, 0)]),
            Source::Log(_) | Source::Files(_) => return Ok(None),
        };
        self.each(Topic::ProjectorPositions, None, &mut |record| {
            let (partition, offset) = daybook_wire::output::read_position(&record.value)?;
            positions.insert(partition, offset);
            Ok(())
        })?;
        Ok(Some(positions))
    }

    /// Hands every record of a topic, or those below `ends` of each partition, to `take`, in order by partition.
    pub fn each(&self, topic: Topic, ends: Option<&Offsets>, take: &mut Each<'_>) -> anyhow::Result<()> {
        // What has no partitions to speak of has one.
        let end = ends.map(|ends| ends.get(&0).copied().unwrap_or(0));
        match self {
            Source::Kafka(kafka, _) => each_of_kafka(kafka, topic, ends, take),
            Source::Log(log) => each_of_log(log, topic, take),
            Source::Files(folder) => each_of_file(folder, topic, take),
            Source::Instance(remote) => each_of_instance(remote, topic, end, take),
        }
    }
}

fn each_of_kafka(
    kafka: &KafkaSettings,
    topic: Topic,
    ends: Option<&Offsets>,
    take: &mut Each<'_>,
) -> anyhow::Result<()> {
    let name = kafka.name(topic);
    let mut refused = None;
    let read = TopicReader::open(kafka, &[(topic, Begin::First)]).and_then(|mut reader| {
        reader.to_end(|_, partition, fetched| {
            let within = |ends: &Offsets| ends.get(&partition).is_some_and(|end| fetched.offset < *end);
            if refused.is_none() && ends.is_none_or(within) {
                refused = take(&fetched.record).err();
            }
            Ok(())
        })
    });
    read.with_context(|| format!("failed to read {name}"))?;
    refused.map_or(Ok(()), Err)
}

fn each_of_log(log: &EmbeddedLog, topic: Topic, take: &mut Each<'_>) -> anyhow::Result<()> {
    let page = Limit { records_max: PAGE, bytes_max: 16 << 20 };
    log.records(topic, page).try_for_each(|fetched| take(&fetched?.record))
}

fn each_of_file(folder: &Path, topic: Topic, take: &mut Each<'_>) -> anyhow::Result<()> {
    let path = folder.join(format!("{}.jsonl", topic.name()));
    let file = File::open(&path).with_context(|| format!("failed to open {}", path.display()))?;
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let (mut line, mut number) = (Vec::new(), 0_u64);
    loop {
        line.clear();
        if reader
            .read_until(b'\n', &mut line)
            .with_context(|| format!("failed to read {}", path.display()))?
            == 0
        {
            return Ok(());
        }
        number += 1;
        let place = || format!("{} line {number} is not as process writes it", path.display());
        let parsed: Line<'_> = serde_json::from_slice(&line).with_context(place)?;
        let value = if topic == Topic::Journal {
            let text: String = serde_json::from_str(parsed.value.get()).with_context(place)?;
            BASE64.decode(text).with_context(place)?
        } else {
            parsed.value.get().as_bytes().to_vec()
        };
        take(&Record { key: parsed.key.into(), value, ..Record::default() })?;
    }
}

fn each_of_instance(
    remote: &Remote,
    topic: Topic,
    end: Option<u64>,
    take: &mut Each<'_>,
) -> anyhow::Result<()> {
    let mut from = 0;
    loop {
        let page = remote.page(topic, from, PAGE)?;
        for fetched in page.records.iter().filter(|f| end.is_none_or(|end| f.offset < end)) {
            take(&fetched.record)?;
        }
        if page.records.is_empty() || page.next >= end.unwrap_or(page.end).min(page.end) {
            return Ok(());
        }
        from = page.next;
    }
}
