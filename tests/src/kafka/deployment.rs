//! Instances that share topics and groups.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::broker::Broker;
use crate::binary::Binary;
use crate::instance::{Instance, OPERATOR_KEY};
use crate::wait;

/// Rebalances after a death take a session's timeout; all else is quick.
const SETTLED_LIMIT: Duration = Duration::from_secs(120);
/// How long brokers may take for one answer.
const LIMIT: Duration = Duration::from_secs(20);

/// Partitions of `charges`, where a test says nothing else.
pub const CHARGES_PARTITIONS: i32 = 4;
/// Partitions of the journal.
pub const JOURNAL_PARTITIONS: i32 = 8;

/// A deployment: topics with a prefix of their own, and a folder for what its instances keep.
#[derive(Debug)]
pub struct Deployment {
    /// Its broker.
    pub broker: Broker,
    binary: Binary,
    folder: PathBuf,
    prefix: String,
    charges_partitions: i32,
    /// More of the instances' configuration.
    more: String,
}

impl Deployment {
    /// Makes the topics of a deployment whose name no other has.
    ///
    /// # Errors
    /// The topics can't be made.
    pub fn new(broker: &Broker, binary: &Binary, folder: &Path, name: &str) -> Result<Self> {
        Self::with_charges(broker, binary, folder, name, CHARGES_PARTITIONS)
    }

    /// The same with so many partitions of `charges`.
    ///
    /// # Errors
    /// The topics can't be made.
    pub fn with_charges(
        broker: &Broker,
        binary: &Binary,
        folder: &Path,
        name: &str,
        charges_partitions: i32,
    ) -> Result<Self> {
        let deployment = Self::planned(broker, binary, folder, name, charges_partitions)?;
        deployment.run("topics", &["topics", "apply"])?.with(0)?;
        Ok(deployment)
    }

    /// One whose topics are not made yet.
    ///
    /// # Errors
    /// The folder has no name.
    pub fn planned(
        broker: &Broker,
        binary: &Binary,
        folder: &Path,
        name: &str,
        charges_partitions: i32,
    ) -> Result<Self> {
        let unique =
            folder.file_name().context("a folder without a name")?.to_string_lossy().replace('.', "");
        let prefix = format!("{name}-{unique}.");
        Ok(Self {
            broker: broker.clone(),
            binary: binary.clone(),
            folder: folder.to_owned(),
            prefix,
            charges_partitions,
            more: String::new(),
        })
    }

    /// Adds sections to the configuration of all instances that are started from now on.
    pub fn configure(&mut self, sections: &str) {
        self.more = sections.to_owned();
    }

    /// What its topics' names begin with.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The full name of a topic.
    #[must_use]
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// The name of a stage's group.
    #[must_use]
    pub fn group(&self, stage: &str) -> String {
        format!("{}group.{stage}", self.prefix)
    }

    /// Writes the configuration of an instance.
    ///
    /// # Errors
    /// It can't be written.
    pub fn config(&self, instance: &str) -> Result<PathBuf> {
        let state = serde_json::to_string(&self.folder.join(format!("state-{instance}")))?;
        let config = self.folder.join(format!("{instance}.toml"));
        let text = format!(
            "[log]\nfolder = {state}\n\n[kafka]\nbootstrap_servers = \"{}\"\ngroup = \"{}group\"\n\
             topic_prefix = \"{}\"\njournal_partitions = {JOURNAL_PARTITIONS}\ncharges_partitions = {}\n\
             properties = {{ \"session.timeout.ms\" = \"6000\" }}\n\n\
             [http]\nlisten = \"127.0.0.1:0\"\n\n[[http.api_keys]]\norganization = \"ops\"\nproject = \"*\"\n\
             key = \"{OPERATOR_KEY}\"\n\n[logging]\nformat = \"json\"\n\n{}",
            self.broker.bootstrap, self.prefix, self.prefix, self.charges_partitions, self.more,
        );
        std::fs::write(&config, text)?;
        Ok(config)
    }

    /// Starts an instance.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&self, instance: &str) -> Result<Instance> {
        Instance::run(&self.binary, &self.config(instance)?)
    }

    /// Runs a command with the configuration of an instance.
    ///
    /// # Errors
    /// It can't be run.
    pub fn run(&self, instance: &str, arguments: &[&str]) -> Result<crate::binary::Ended> {
        let config = self.config(instance)?;
        self.binary.run(arguments.iter().map(Path::new).chain([Path::new("--config"), &config]))
    }

    /// Committed offsets of a stage's group in a topic, with the topic's ends, by partition.
    ///
    /// # Errors
    /// No broker answers.
    pub fn progress(&self, stage: &str, topic: &str, partitions: i32) -> Result<Vec<(i64, i64)>> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.broker.bootstrap)
            .set("group.id", self.group(stage))
            .create()?;
        let topic = self.topic(topic);
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&topic, 0, partitions - 1);
        let committed = consumer.committed_offsets(list, LIMIT)?;
        let offset = |offset: Offset| match offset {
            Offset::Offset(offset) => offset,
            _ => 0,
        };
        let ends = |partition| consumer.fetch_watermarks(&topic, partition, LIMIT).map(|(_, end)| end);
        committed.elements().iter().map(|e| Ok((offset(e.offset()), ends(e.partition())?))).collect()
    }

    /// Moves intake's offsets back to the start. No instance may be running.
    ///
    /// # Errors
    /// The group does not take them.
    pub fn rewind_intake(&self) -> Result<()> {
        let start = (0..self.charges_partitions).map(|partition| (partition, 0)).collect::<Vec<_>>();
        self.commit_intake(&self.topic("charges"), &start)
    }

    /// Has intake's group stand in another topic where it stands in `charges`. No instance may be running.
    ///
    /// # Errors
    /// The group does not take them.
    pub fn copy_intake_offsets(&self, to: &str) -> Result<()> {
        let progress = self.progress("intake", "charges", self.charges_partitions)?;
        let offsets = (0..).zip(progress.into_iter().map(|(committed, _)| committed)).collect::<Vec<_>>();
        self.commit_intake(to, &offsets)
    }

    fn commit_intake(&self, topic: &str, offsets: &[(i32, i64)]) -> Result<()> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.broker.bootstrap)
            .set("group.id", self.group("intake"))
            .create()?;
        let mut list = TopicPartitionList::new();
        for (partition, offset) in offsets {
            list.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
        }
        // A member that has left by its silence alone is still waited for.
        wait::until("intake's group to be empty", SETTLED_LIMIT, || {
            Ok(consumer.commit(&list, CommitMode::Sync).is_ok().then_some(()))
        })
    }

    /// Whether everything that was produced is in the books.
    fn is_settled(&self) -> Result<bool> {
        let taken = self.progress("intake", "charges", self.charges_partitions)?;
        let spend = self.progress("intake-spend", "spend", 1)?;
        let published = self.progress("projector", "journal", JOURNAL_PARTITIONS)?;
        Ok(taken.iter().chain(&spend).chain(&published).all(|(committed, end)| committed == end))
    }

    /// Waits until everything that was produced is in the books.
    ///
    /// # Errors
    /// It does not get there in time.
    pub fn settle(&self) -> Result<()> {
        wait::until("everything to be in the books", SETTLED_LIMIT, || {
            // A broker that is starting does not answer.
            Ok(self.is_settled().unwrap_or(false).then_some(()))
        })
        .with_context(|| format!("{:?}", self.progress("projector", "journal", JOURNAL_PARTITIONS)))
    }

    /// How many journal records are published, by the group's offsets.
    ///
    /// # Errors
    /// No broker answers in time.
    pub fn published(&self) -> Result<i64> {
        // A broker that has just started does not answer at once.
        wait::until("the group's offsets", SETTLED_LIMIT, || Ok(self.published_now().ok()))
    }

    fn published_now(&self) -> Result<i64> {
        Ok(self.progress("projector", "journal", JOURNAL_PARTITIONS)?.iter().map(|(c, _)| c).sum())
    }

    /// Waits until so many journal records are published.
    ///
    /// # Errors
    /// They are not in time.
    pub fn wait_published(&self, count: i64) -> Result<()> {
        wait::until("journal records to be published", SETTLED_LIMIT, || {
            Ok(self.published_now().is_ok_and(|published| published >= count).then_some(()))
        })
    }

    /// Runs `daybook verify`.
    ///
    /// # Errors
    /// The books don't verify.
    pub fn verify(&self) -> Result<()> {
        let ended = self.run("verify", &["verify"])?;
        ensure!(ended.code == Some(0), "the books don't verify\n{}\n{}", ended.stdout, ended.stderr);
        Ok(())
    }
}
