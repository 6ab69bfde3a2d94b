//! Records as every log keeps them: Kafka's key, value, headers and timestamp.

/// Headers that travel from an input record to everything that comes of it: those of W3C's trace context.
const TRAVELLING: [&str; 3] = ["traceparent", "tracestate", "baggage"];

/// One record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// What it is about; compacted topics keep the last record of each.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// Headers in their order; names may repeat.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Timestamp, Unix milliseconds, where it has one.
    pub timestamp_ms: Option<i64>,
}

impl Record {
    /// The first header of a name, where it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(n, _)| n == name)?;
        std::str::from_utf8(value).ok()
    }

    /// The headers that travel with it.
    #[must_use]
    pub fn travelling(&self) -> Vec<(String, Vec<u8>)> {
        let travels = |(name, _): &&(String, Vec<u8>)| TRAVELLING.contains(&&**name);
        self.headers.iter().filter(travels).cloned().collect()
    }
}

/// A record and where it stands in its partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Offset, from 0.
    pub offset: u64,
    /// The record.
    pub record: Record,
}
