//! A producer over librdkafka for many small records and back-to-back transactions.
//!
//! rust-rdkafka's own producers poll in slices of 100 ms while they flush or commit, and pay for a delivery report for
//! each record. This one has delivery reports as events and of errors alone, so that a commit waits on a condition
//! variable and a record costs one call (docs/adr/0008). Consumers need little of the kind: they are rust-rdkafka's.

mod ends;
mod error;
mod headers;
mod producer;

pub use ends::known_end;
pub use error::ProducerError;
pub use headers::headers_of;
pub use producer::{Headers, Offset, Outgoing, Producer, TopicHandle};
