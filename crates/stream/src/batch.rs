//! What a step produces, before it is committed.

use daybook_wire::topic::Topic;

use crate::record::Record;

/// Takes output records in the order in which they come. Key, value and headers are only lent: a consumer that
/// keeps nothing (a file, a comparison) pays for no copy.
pub trait Outputs {
    /// Takes one record.
    fn put(
        &mut self,
        topic: Topic,
        key: &str,
        value: &[u8],
        headers: Vec<(String, Vec<u8>)>,
        timestamp_ms: Option<i64>,
    );
}

impl Outputs for Vec<(Topic, Record)> {
    fn put(
        &mut self,
        topic: Topic,
        key: &str,
        value: &[u8],
        headers: Vec<(String, Vec<u8>)>,
        timestamp_ms: Option<i64>,
    ) {
        self.push((topic, Record { key: key.into(), value: value.to_vec(), headers, timestamp_ms }));
    }
}

/// Takes nothing: for replays that only rebuild the state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Outputs for Silent {
    fn put(&mut self, _: Topic, _: &str, _: &[u8], _: Vec<(String, Vec<u8>)>, _: Option<i64>) {}
}
