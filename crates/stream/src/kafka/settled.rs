//! A look at a topic from outside, after every transaction that was open.

use daybook_wire::topic::Topic;

use super::ends::Ends;
use super::reader::TopicReader;
use super::settings::KafkaSettings;
use super::topics::partitions;
use crate::log::{LogError, Partition};
use crate::record::Fetched;

/// Hands every committed record of a topic to `take`, by a reader of its own: at least all that was written when this
/// was called and has been committed. It waits for transactions that were open then, up to 30 s.
///
/// # Errors
/// [`LogError`].
pub fn read_settled(
    settings: &KafkaSettings,
    topic: Topic,
    mut take: impl FnMut(Partition, Fetched),
) -> Result<(), LogError> {
    let ends = Ends::new(settings)?;
    let mut from = Vec::new();
    for partition in 0..partitions(settings, &ends, topic)? {
        let (start, _) = ends.settled(topic, partition)?;
        from.push((topic, partition, start));
    }
    TopicReader::at(settings, &from)?.to_end(|_, partition, fetched| {
        take(partition, fetched);
        Ok(())
    })
}
