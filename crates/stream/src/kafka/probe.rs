//! Whether the brokers can be worked with.

use std::time::Duration;

use daybook_wire::topic::Topic;
use rdkafka::consumer::BaseConsumer;

use super::settings::KafkaSettings;
use super::{Told, metadata};
use crate::log::LogError;

/// Asks brokers, by a client of its own.
pub struct Probe {
    settings: KafkaSettings,
    client: BaseConsumer<Told>,
}

impl Probe {
    /// A probe; it connects when it first looks.
    ///
    /// # Errors
    /// The settings are not valid.
    pub fn new(settings: &KafkaSettings) -> Result<Self, LogError> {
        let mut config = settings.client();
        // Never joined; without one a client can't be polled.
        config.set("group.id", settings.group("reader"));
        let client =
            config.create_with_context(Told::default()).map_err(|e| LogError::Failed(Box::new(e)))?;
        Ok(Self { settings: settings.clone(), client })
    }

    /// Whether some broker answers at all within `limit`.
    ///
    /// # Errors
    /// None does; the reason that the client was told.
    pub fn contact(&self, limit: Duration) -> Result<(), LogError> {
        metadata(&self.settings, &self.client, self.settings.name(Topic::Journal), limit).map(drop)
    }

    /// Whether some broker answers within `limit`, and each partition of the input and of the journal has a leader.
    ///
    /// # Errors
    /// What is missing.
    pub fn look(&self, limit: Duration) -> Result<(), LogError> {
        for topic in [Topic::Charges, Topic::Journal] {
            let name = self.settings.name(topic);
            let metadata = metadata(&self.settings, &self.client, name, limit)?;
            let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
            if let Some(orphan) = partitions.into_iter().find(|partition| partition.leader() < 0) {
                return Err(LogError::Unknown(format!("{name}-{} has no leader", orphan.id())));
            }
        }
        Ok(())
    }
}
