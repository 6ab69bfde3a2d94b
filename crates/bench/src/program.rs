//! A program under measurement, whichever it is: how it is begun and how its progress is seen.

use anyhow::Result;
use serde::Serialize;

use crate::child::Child;

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The product.
    Daybook,
    /// The least that could be done with the same volume.
    Copy,
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Daybook => "daybook",
            Kind::Copy => "bare copy",
        }
    }
}

/// A group, and the topic that it has to read to its end.
pub struct Stage {
    /// The group.
    pub group: String,
    /// The topic.
    pub topic: String,
}

/// A running program.
pub struct Running {
    /// Which.
    pub kind: Kind,
    /// Its process.
    pub child: Child,
    /// What its topics' names begin with.
    pub prefix: String,
    /// What reads the input. Where everything of it is committed, the input has been taken.
    pub first: Stage,
    /// What writes the outputs. Where everything of it is committed, they can be read.
    pub last: Stage,
}

impl Running {
    /// The name of a topic of its own.
    pub fn topic(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

/// Something that can be started, each time with names and a folder of its own.
pub trait Program {
    /// Starts it on an input topic; it need not be ready yet.
    fn start(&self, name: &str, input: &str, commit_interval_ms: u64) -> Result<Running>;
}
