//! Headers of dead letters: Kafka Streams' own set (KIP-1034) and the reason.

use daybook_core::event::SourcePosition;
use daybook_core::rejection::{Reason, Rejection};

/// Header with the stable reason code.
pub const REASON: &str = "daybook-reason";
/// Header with the offset of the record in its topic.
pub const OFFSET: &str = "__streams.errors.offset";
/// Header with the partition of the record in its topic.
pub const PARTITION: &str = "__streams.errors.partition";
/// Header with the payload item or field at fault.
pub const PATH: &str = "daybook-path";
/// Header with the project, where it is known.
pub const PROJECT: &str = "daybook-project";
/// Header of a record whose value is the canonical event instead of the record as received.
pub const CANONICAL: &str = "daybook-canonical";
/// Header of a dead letter whose value is empty because an earlier one with the same source position has it.
pub const REPEATS: &str = "daybook-repeats";
/// Header of a dead letter whose value is empty because the record is too large for any topic.
pub const OMITTED: &str = "daybook-omitted";
/// Header with the payload item, from 0, of the record at fault.
pub const ITEM: &str = "daybook-item";

/// Header of a record that was put back: the dead letter that it was taken from, as `charges.dlq/0:12`.
pub const REPLAYED: &str = "daybook-replayed";

/// Header with the topic of the record.
pub const TOPIC: &str = "__streams.errors.topic";
/// What Kafka Streams' own headers begin with.
const STREAMS: &str = "__streams.errors.";

/// The headers that a dead letter's record came with: all but those that say why and whence. The project stays, for
/// the record may have had it from its value or the configuration of the time.
#[must_use]
pub fn original(headers: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let ours = [REASON, PATH, CANONICAL, REPEATS, OMITTED, ITEM, REPLAYED];
    let kept = headers.iter().filter(|(name, _)| !ours.contains(&&**name) && !name.starts_with(STREAMS));
    kept.cloned().collect()
}

/// The headers that say why and whence. None of them carries payload.
#[must_use]
pub fn headers(
    rejection: &Rejection,
    project: Option<&str>,
    source: Option<&SourcePosition>,
) -> Vec<(String, Vec<u8>)> {
    let mut headers = vec![
        (REASON.to_owned(), rejection.reason.code().into()),
        (PATH.to_owned(), rejection.path.as_bytes().to_vec()),
        ("__streams.errors.exception".to_owned(), format!("daybook.{}", rejection.reason.code()).into()),
        ("__streams.errors.message".to_owned(), rejection.reason.meaning().into()),
    ];
    if let Some(project) = project {
        headers.push((PROJECT.to_owned(), project.into()));
    }
    if let Some(source) = source {
        headers.push((TOPIC.to_owned(), source.topic.as_bytes().to_vec()));
        headers.push((PARTITION.to_owned(), source.partition.to_string().into()));
        headers.push((OFFSET.to_owned(), source.offset.to_string().into()));
        headers.push((ITEM.to_owned(), source.item.to_string().into()));
    }
    headers
}

/// The reason that a dead letter's headers give.
#[must_use]
pub fn reason(headers: &[(String, Vec<u8>)]) -> Option<Reason> {
    let (_, code) = headers.iter().find(|(name, _)| name == REASON)?;
    Reason::from_code(std::str::from_utf8(code).ok()?)
}
