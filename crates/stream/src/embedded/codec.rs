//! Keys and values of the embedded log's keyspaces.

use daybook_wire::binary::{
    Malformed, Reader as Binary, put_bytes, put_count, put_long, put_option, put_str,
};
use daybook_wire::topic::Topic;

use crate::log::Stage;
use crate::record::Record;

pub(super) const FORMAT_KEY: &[u8] = b"format";
pub(super) const STATE_FORMAT_KEY: &[u8] = b"state-format";
pub(super) const STATE_POSITION_KEY: &[u8] = b"state-position";

/// A topic's number on disk. Never change or reuse one.
fn topic_number(topic: Topic) -> u8 {
    match topic {
        Topic::Charges => 1,
        Topic::Settings => 2,
        Topic::Journal => 3,
        Topic::LedgerEntries => 4,
        Topic::RewardsPoints => 5,
        Topic::RevenueDaily => 6,
        Topic::AccountsBalances => 7,
        Topic::RewardsBalances => 8,
        Topic::ProjectorPositions => 9,
        Topic::ChargesDlq => 10,
        Topic::SettingsDlq => 11,
        Topic::Spend => 12,
        Topic::SpendDlq => 13,
        Topic::RevenueAllocations => 14,
        Topic::SpendDaily => 15,
        Topic::ProfitDaily => 16,
        Topic::ProfitMonthly => 17,
        Topic::OwnerProfitDaily => 18,
        Topic::AllocationsDaily => 19,
        Topic::KpisDaily => 20,
        Topic::CustomersProfile => 21,
    }
}

/// Big-endian, so that offsets sort as numbers.
pub(super) fn record_key(topic: Topic, offset: u64) -> [u8; 9] {
    let mut key = [topic_number(topic); 9];
    if let Some((_, tail)) = key.split_first_mut() {
        tail.copy_from_slice(&offset.to_be_bytes());
    }
    key
}

pub(super) fn offset_of(record_key: &[u8]) -> u64 {
    read_number(record_key.get(1..)).unwrap_or(0)
}

pub(super) fn latest_key(topic: Topic, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + key.len());
    out.push(topic_number(topic));
    out.extend_from_slice(key);
    out
}

pub(super) fn end_key(topic: Topic) -> Vec<u8> {
    vec![b'e', topic_number(topic)]
}

pub(super) fn position_key(stage: Stage, topic: Topic) -> Vec<u8> {
    let stage = match stage {
        Stage::Intake => 1,
        Stage::Projector => 2,
    };
    vec![b'p', stage, topic_number(topic)]
}

pub(super) fn read_number(bytes: Option<&[u8]>) -> Option<u64> {
    bytes?.try_into().ok().map(u64::from_be_bytes)
}

pub(super) fn record(record: &Record) -> Vec<u8> {
    let mut out = Vec::with_capacity(record.key.len() + record.value.len() + 32);
    put_option(&mut out, record.timestamp_ms, put_long);
    put_count(&mut out, record.headers.len() as u64);
    for (name, value) in &record.headers {
        put_str(&mut out, name);
        put_bytes(&mut out, value);
    }
    put_bytes(&mut out, &record.key);
    put_bytes(&mut out, &record.value);
    out
}

pub(super) fn read_record(bytes: &[u8]) -> Result<Record, Malformed> {
    let mut reader = Binary::new(bytes);
    let timestamp_ms = reader.option(Binary::long)?;
    let headers = (0..reader.count()?)
        .map(|_| Ok((reader.str()?.to_owned(), reader.bytes()?.to_vec())))
        .collect::<Result<_, Malformed>>()?;
    let record =
        Record { key: reader.bytes()?.to_vec(), value: reader.bytes()?.to_vec(), headers, timestamp_ms };
    reader.end()?;
    Ok(record)
}
