//! What a registry keeps.

use std::fmt;

use serde::Deserialize;

/// How far references of references are followed.
pub(crate) const DEPTH_MAX: usize = 8;

/// How many schemas one may refer to.
pub(crate) const REFERENCES_MAX: usize = 100;

/// A schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    /// Its text.
    pub text: String,
    /// Whether it is an Avro schema; registries have JSON Schema and Protobuf too.
    pub is_avro: bool,
    /// Texts of the schemas that it refers to, each after those that it refers to itself.
    pub references: Vec<String>,
}

/// What schemas are registered under, version by version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject(String);

impl Subject {
    /// Of the values of a topic that holds one type of record (`TopicNameStrategy`).
    #[must_use]
    pub fn of_values(topic: &str) -> Self {
        Self(format!("{topic}-value"))
    }

    /// Of one of several types of record that a topic holds (`TopicRecordNameStrategy`).
    #[must_use]
    pub fn of_record(topic: &str, record: &str) -> Self {
        Self(format!("{topic}-{record}"))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// As a registry answers.
#[derive(Deserialize)]
pub(crate) struct Found {
    pub(crate) schema: String,
    #[serde(rename = "schemaType")]
    pub(crate) schema_type: Option<String>,
    #[serde(default)]
    pub(crate) references: Vec<Reference>,
}

#[derive(Deserialize)]
pub(crate) struct Reference {
    pub(crate) subject: String,
    pub(crate) version: u32,
}
