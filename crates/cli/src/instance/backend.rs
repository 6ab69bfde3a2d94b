//! The log behind an instance: embedded or Kafka.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use daybook_core::name::Name;
use daybook_stream::clock::SystemClock;
use daybook_stream::decoder::IntakeSettings;
use daybook_stream::embedded::{EmbeddedLog, OpenError};
use daybook_stream::engine::{Ending, Observer, Running};
use daybook_stream::kafka::{Avro, KafkaIntake, KafkaProjector, KafkaSettings, KafkaWriter, StateFolder};
use daybook_stream::local::LocalStage;
use daybook_stream::log::{Append, LogError, Stage};
use daybook_stream::projector::ProjectorError;
use daybook_wire::topic::Topic;

use crate::config::Config;
use crate::exit::{Exit, ExitWith};

/// What a folder that can't be opened ends the command with.
pub fn open_failed(error: OpenError) -> anyhow::Error {
    let code = match &error {
        OpenError::Locked(_) => Exit::InUse,
        OpenError::Format { .. } => Exit::Damaged,
        OpenError::Absent(_) => Exit::Misconfigured,
        OpenError::State { .. } | OpenError::Storage { .. } => Exit::Failed,
    };
    ExitWith::error(code, error)
}

/// What books that can't be opened end the command with.
pub fn projector_failed(error: ProjectorError) -> anyhow::Error {
    let code = match &error {
        ProjectorError::Log(_) => Exit::Failed,
        ProjectorError::StateAhead { .. }
        | ProjectorError::PositionsLost
        | ProjectorError::JournalLost { .. }
        | ProjectorError::JournalCut { .. }
        | ProjectorError::Journal { .. } => Exit::Damaged,
    };
    ExitWith::error(code, error)
}

/// The log. Clones share it.
#[derive(Clone)]
pub enum Backend {
    /// A folder of this process.
    Embedded(EmbeddedLog),
    /// Kafka, and a folder for this instance's state.
    Kafka(Box<KafkaSettings>, StateFolder),
}

/// What the configuration says of Kafka; `None`: the embedded log. `instance` names an instance that has no name.
pub fn kafka_settings(
    config: &Config,
    instance: impl FnOnce() -> Result<String, LogError>,
) -> anyhow::Result<Option<KafkaSettings>> {
    let Some(bootstrap_servers) = &config.kafka.bootstrap_servers else { return Ok(None) };
    let instance = match &config.kafka.instance {
        Some(instance) => instance.clone(),
        None => instance()?,
    };
    Ok(Some(KafkaSettings {
        bootstrap_servers: bootstrap_servers.clone(),
        group: config.kafka.group.clone(),
        instance,
        names: config.kafka.names(),
        properties: config.kafka.properties.clone(),
        journal_partitions: config.kafka.journal_partitions,
        commit_interval: Duration::from_millis(config.kafka.commit_interval_ms),
        avro: config
            .registry
            .client()?
            .map(|registry| Avro::new(registry, config.registry.outputs.is_avro())),
    }))
}

impl Backend {
    /// Opens what the configuration names.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        let folder: &Path = &config.log.folder;
        if config.kafka.bootstrap_servers.is_none() {
            return EmbeddedLog::open(folder).map(Self::Embedded).map_err(open_failed);
        }
        let state = StateFolder::open(folder).map_err(open_failed)?;
        let random = || format!("{:016x}", fastrand::u64(..));
        match kafka_settings(config, || state.instance(random))? {
            Some(settings) => Ok(Self::Kafka(Box::new(settings), state)),
            None => Err(anyhow::anyhow!("no bootstrap servers")),
        }
    }

    /// Drops the projector's state; it is made anew from the journal.
    pub fn drop_state(&self) -> Result<(), LogError> {
        match self {
            Self::Embedded(log) => log.drop_state(),
            Self::Kafka(_, state) => state.clear(),
        }
    }

    /// What stages do when they are asked to stop: nobody else goes on where an embedded log was left.
    pub fn ending(&self) -> Ending {
        match self {
            Self::Embedded(_) => Ending::Drains,
            Self::Kafka(..) => Ending::Leaves,
        }
    }

    /// Where records from outside are appended.
    pub fn appender(&self) -> Box<dyn Append + Send> {
        match self {
            Self::Embedded(log) => Box::new(LocalStage::new(log.clone(), Stage::Intake)),
            Self::Kafka(settings, _) => Box::new(KafkaWriter::new(settings)),
        }
    }

    /// Runs intake until it is told to stop.
    pub fn run_intake(
        &self,
        running: &Running<'_>,
        settings: &IntakeSettings,
        ticks: &Receiver<Name>,
    ) -> Result<(), LogError> {
        match self {
            Self::Embedded(log) => {
                let open = || Ok(LocalStage::new(log.clone(), Stage::Intake));
                running.intake(open, &SystemClock, settings, ticks)
            }
            Self::Kafka(kafka, _) => {
                running.intake(|| KafkaIntake::open(kafka), &SystemClock, settings, ticks)
            }
        }
    }

    /// Runs the projector until it is told to stop.
    pub fn run_projector(
        &self,
        running: &Running<'_>,
        outputs: &[Topic],
        ticks: &Sender<Name>,
        observer: &dyn Observer,
    ) -> Result<(), ProjectorError> {
        match self {
            Self::Embedded(log) => {
                let open = || Ok(LocalStage::new(log.clone(), Stage::Projector));
                running.projector(open, outputs, &SystemClock, ticks, observer)
            }
            Self::Kafka(kafka, state) => {
                let open = || KafkaProjector::open(kafka, state.clone());
                running.projector(open, outputs, &SystemClock, ticks, observer)
            }
        }
    }

    /// Bytes that its folder takes on disk.
    pub fn disk_bytes(&self) -> u64 {
        match self {
            Self::Embedded(log) => log.disk_bytes(),
            Self::Kafka(_, state) => state.disk_bytes(),
        }
    }
}
