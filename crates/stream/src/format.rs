//! What output values are written as.

use std::collections::BTreeMap;

use daybook_wire::avro;
use daybook_wire::output::Datum;
use daybook_wire::topic::Topic;

/// Format of output values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ValueFormat {
    /// Canonical JSON.
    #[default]
    Json,
    /// Avro in the Confluent wire format, with the id of each topic's schema.
    Avro(BTreeMap<Topic, u32>),
}

/// Encodes values, one after the other, in one buffer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Encoder {
    format: ValueFormat,
    json: String,
    datum: Datum,
}

impl Encoder {
    pub(crate) fn new(format: ValueFormat) -> Self {
        Self { format, ..Self::default() }
    }

    /// The value of a record of `topic`, as either of the two writes it. A topic without a schema is in JSON.
    pub(crate) fn value(
        &mut self,
        topic: Topic,
        json: impl FnOnce(&mut String),
        datum: impl FnOnce(&mut Datum),
    ) -> &[u8] {
        match self.id(topic) {
            Some(id) => self.datum(id, datum),
            None => {
                self.json.clear();
                json(&mut self.json);
                self.json.as_bytes()
            }
        }
    }

    /// The same where its JSON is at hand.
    pub(crate) fn value_of<'a>(
        &'a mut self,
        topic: Topic,
        json: &'a str,
        datum: impl FnOnce(&mut Datum),
    ) -> &'a [u8] {
        match self.id(topic) {
            Some(id) => self.datum(id, datum),
            None => json.as_bytes(),
        }
    }

    /// The id of a topic's schema; none where its values are JSON.
    fn id(&self, topic: Topic) -> Option<u32> {
        match &self.format {
            ValueFormat::Json => None,
            ValueFormat::Avro(ids) => ids.get(&topic).copied(),
        }
    }

    fn datum(&mut self, id: u32, write: impl FnOnce(&mut Datum)) -> &[u8] {
        self.datum.0.clear();
        self.datum.0.extend(avro::frame(id));
        write(&mut self.datum);
        &self.datum.0
    }
}
