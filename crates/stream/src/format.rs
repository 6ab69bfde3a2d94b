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
        match &self.format {
            ValueFormat::Avro(ids) if ids.contains_key(&topic) => {
                self.datum.0.clear();
                self.datum.0.extend(avro::frame(ids[&topic]));
                datum(&mut self.datum);
                &self.datum.0
            }
            _ => {
                self.json.clear();
                json(&mut self.json);
                self.json.as_bytes()
            }
        }
    }
}
