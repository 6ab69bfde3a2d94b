//! A dead letter by its headers. Its value is not kept: there may be many, and large ones.

use std::fmt;
use std::str::FromStr;

use daybook_core::rejection::Reason;
use daybook_stream::log::Partition;
use daybook_stream::record::{Fetched, Record};
use daybook_wire::dead_letter;
use daybook_wire::topic::Topic;

/// Where a dead letter stands: `charges.dlq/0:12`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its topic.
    pub topic: Topic,
    /// Its partition.
    pub partition: Partition,
    /// Its offset.
    pub offset: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.topic.name(), self.partition, self.offset)
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "must be TOPIC/PARTITION:OFFSET, as charges.dlq/0:12".to_owned();
        let (topic, rest) = match text.split_once('/') {
            None => (Topic::ChargesDlq, text),
            Some((name, rest)) => {
                let topic = Topic::from_name(name).filter(|topic| input_of(*topic).is_some());
                (topic.ok_or_else(wrong)?, rest)
            }
        };
        let (partition, offset) = rest.split_once(':').unwrap_or(("0", rest));
        let (partition, offset) = partition.parse().ok().zip(offset.parse().ok()).ok_or_else(wrong)?;
        Ok(Self { topic, partition, offset })
    }
}

/// The topic that the records of a topic of dead letters came from.
pub fn input_of(letters: Topic) -> Option<Topic> {
    Topic::ALL.into_iter().find(|input| input.dead_letters() == Some(letters))
}

/// The record that was refused: its topic's name, partition, offset, and its time, since a topic that was made anew
/// gives offsets out again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// Name of the topic.
    pub topic: String,
    /// Partition.
    pub partition: Partition,
    /// Offset.
    pub offset: u64,
    timestamp_ms: Option<i64>,
}

/// What a dead letter's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// The record as received.
    Received,
    /// The event that the projector refused, in the canonical format.
    Canonical,
    /// Nothing: an earlier letter of the same record has it.
    Repeats,
    /// Nothing: it is too large for any topic.
    Omitted,
}

/// A dead letter.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Where it stands.
    pub place: Place,
    /// Why it was refused; `None` where its header is not one of this product.
    pub reason: Option<Reason>,
    /// The field at fault.
    pub path: String,
    /// The project, where it is known.
    pub project: Option<String>,
    /// The record's time.
    pub timestamp_ms: Option<i64>,
    /// The record.
    pub source: Option<Source>,
    /// The item of the record.
    pub item: Option<u32>,
    /// What its value is.
    pub value: Value,
    /// Bytes of its value.
    pub bytes: usize,
    /// The letter that its record was put back from.
    pub replayed: Option<Place>,
}

/// A header as text. The last of a name counts: a refused record keeps what its sender gave it, ours come after.
pub fn header<'a>(record: &'a Record, name: &str) -> Option<&'a str> {
    let (_, value) = record.headers.iter().rev().find(|(own, _)| own == name)?;
    std::str::from_utf8(value).ok()
}

impl Letter {
    /// The letter of a record.
    pub fn of(topic: Topic, partition: Partition, fetched: &Fetched) -> Self {
        let record = &fetched.record;
        let text = |name: &str| header(record, name);
        let number = |name: &str| text(name)?.parse::<u64>().ok();
        let source = text(dead_letter::TOPIC).and_then(|topic| {
            Some(Source {
                topic: topic.to_owned(),
                partition: number(dead_letter::PARTITION)?.try_into().ok()?,
                offset: number(dead_letter::OFFSET)?,
                timestamp_ms: record.timestamp_ms,
            })
        });
        let value = [
            (dead_letter::CANONICAL, Value::Canonical),
            (dead_letter::REPEATS, Value::Repeats),
            (dead_letter::OMITTED, Value::Omitted),
        ]
        .into_iter()
        .find(|(name, _)| text(name) == Some("true"))
        .map_or(Value::Received, |(_, value)| value);
        Self {
            place: Place { topic, partition, offset: fetched.offset },
            reason: text(dead_letter::REASON).and_then(Reason::from_code),
            path: text(dead_letter::PATH).unwrap_or_default().to_owned(),
            project: text(dead_letter::PROJECT).map(str::to_owned),
            timestamp_ms: record.timestamp_ms,
            source,
            item: number(dead_letter::ITEM).and_then(|item| item.try_into().ok()),
            value,
            bytes: record.value.len(),
            replayed: text(dead_letter::REPLAYED).and_then(|place| place.parse().ok()),
        }
    }

    /// Its reason's code.
    pub fn code(&self) -> &'static str {
        self.reason.map_or("other", Reason::code)
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn places_are_read_as_they_are_shown() {
        for (text, shown) in [
            ("charges.dlq/3:12", Some("charges.dlq/3:12")),
            ("settings.dlq/0:0", Some("settings.dlq/0:0")),
            ("spend.dlq/1:0", Some("spend.dlq/1:0")),
            ("3:12", Some("charges.dlq/3:12")),
            ("12", Some("charges.dlq/0:12")),
            ("settings.dlq/7", Some("settings.dlq/0:7")),
            ("charges/0:1", None),
            ("journal/0:1", None),
            ("", None),
            ("charges.dlq/0:-1", None),
            ("charges.dlq/x:1", None),
        ] {
            let place = text.parse::<Place>().ok().map(|place| place.to_string());
            assert_eq!(place.as_deref(), shown, "{text}");
        }
    }
}
