//! Journal records: one byte with the version of the schema, then an Avro datum of `schemas/journal.v2.avsc`.
//!
//! The journal is kept for ever, so every version that was ever written must stay readable: a change of the schema
//! is a new version with its own file and golden records, beside the old ones (docs/adr/0003).

use std::sync::Arc;

use daybook_core::event::{Body, ChargeEvent, Identity, JournalRecord, Kind, SourcePosition, SpendEvent};
use daybook_core::money::Currency;
use daybook_core::name::Name;
use rust_decimal::Decimal;

use crate::binary::{Malformed, Reader, put_count, put_long, put_option, put_str};
use crate::settings;

/// The version that is written.
pub const VERSION: u8 = 2;

/// The first version: no points, no spend.
const V1: u8 = 1;

/// The schema of [`VERSION`].
pub const SCHEMA: &str = include_str!("../../../schemas/journal.v2.avsc");

/// Why a journal record can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Written by a newer release.
    #[error("journal record of version {0}, which this release does not know: it was written by a newer one")]
    UnknownVersion(u8),
    /// Not as its schema says.
    #[error("journal record is damaged: {0}")]
    Malformed(#[from] Malformed),
    /// Settings that can't be read.
    #[error("journal record has settings that can't be read: {0}")]
    Settings(#[from] settings::SettingsFault),
}

/// Appends a record's encoding to `out`.
pub fn encode(record: &JournalRecord, out: &mut Vec<u8>) {
    out.push(VERSION);
    put_str(out, &record.project);
    put_long(out, record.recorded_at_ms);
    put_option(out, record.source_timestamp_ms, put_long);
    put_option(out, record.source.as_ref(), |out, source| {
        put_str(out, &source.topic);
        put_long(out, source.partition.into());
        put_count(out, source.offset);
        put_long(out, source.item.into());
    });
    match &record.body {
        Body::Charge(event) => {
            put_long(out, 0);
            put_event(out, event);
        }
        Body::Settings(settings) => {
            put_long(out, 1);
            put_str(out, &settings::to_json(settings));
        }
        Body::Tick => put_long(out, 2),
        Body::Spend(spend) => {
            put_long(out, 3);
            put_spend(out, spend);
        }
    }
}

/// Reads a record.
///
/// # Errors
/// [`JournalError`] where it is of a version that this release does not know, or damaged.
pub fn decode(bytes: &[u8]) -> Result<JournalRecord, JournalError> {
    let mut reader = Reader::new(bytes);
    let version = reader.byte()?;
    if !(V1..=VERSION).contains(&version) {
        return Err(JournalError::UnknownVersion(version));
    }
    let project = reader.name()?;
    let recorded_at_ms = reader.long()?;
    let source_timestamp_ms = reader.option(Reader::long)?;
    let source = reader.option(|r| {
        Ok(SourcePosition { topic: r.name()?, partition: r.int()?, offset: r.count()?, item: r.int()? })
    })?;
    let body = match reader.long()? {
        0 => Body::Charge(Box::new(read_event_of(&mut reader, version)?)),
        1 => Body::Settings(Arc::new(settings::parse(reader.str()?.as_bytes())?)),
        2 => Body::Tick,
        3 if version > V1 => Body::Spend(Box::new(read_spend(&mut reader)?)),
        _ => return Err(reader.malformed("a body").into()),
    };
    reader.end()?;
    Ok(JournalRecord { project, recorded_at_ms, source_timestamp_ms, source, body })
}

/// Appends an event: the fields of `ChargeEvent` in the schema, in its order.
pub(crate) fn put_event(out: &mut Vec<u8>, event: &ChargeEvent) {
    let put_name = |out: &mut Vec<u8>, name: &Option<Name>| put_option(out, name.as_deref(), put_str);
    put_str(out, &event.identity.event_id);
    put_long(out, event.identity.line.into());
    // The symbols of the schema are in order of rank, as the kinds are.
    put_long(out, i64::from(event.kind as u8));
    put_str(out, &event.user);
    put_option(out, event.amount, put_decimal);
    put_option(out, event.currency, |out, c| put_str(out, c.code()));
    put_option(out, event.fee, put_decimal);
    put_option(out, event.fee_returned, put_decimal);
    put_name(out, &event.charge_id);
    put_name(out, &event.order_id);
    put_name(out, &event.transaction);
    put_name(out, &event.product);
    put_name(out, &event.processor);
    put_name(out, &event.tier);
    put_option(out, event.occurred_at_ms, put_long);
    put_option(out, event.clears_at_ms, put_long);
    out.push(event.livemode.into());
    put_name(out, &event.description);
    out.push(event.card_number_masked.into());
    put_option(out, event.points_delta, put_long);
    put_option(out, event.rounded_spend, put_decimal);
}

/// Reads what [`put_event`] appends.
pub(crate) fn read_event(reader: &mut Reader<'_>) -> Result<ChargeEvent, Malformed> {
    read_event_of(reader, VERSION)
}

fn read_event_of(reader: &mut Reader<'_>, version: u8) -> Result<ChargeEvent, Malformed> {
    let later = version > V1;
    Ok(ChargeEvent {
        identity: Identity { event_id: reader.name()?, line: reader.int()? },
        kind: read_kind(reader, version)?,
        user: reader.name()?,
        amount: reader.option(read_decimal)?,
        currency: reader.option(read_currency)?,
        fee: reader.option(read_decimal)?,
        fee_returned: reader.option(read_decimal)?,
        charge_id: reader.option(Reader::name)?,
        order_id: reader.option(Reader::name)?,
        transaction: reader.option(Reader::name)?,
        product: reader.option(Reader::name)?,
        processor: reader.option(Reader::name)?,
        tier: reader.option(Reader::name)?,
        occurred_at_ms: reader.option(Reader::long)?,
        clears_at_ms: reader.option(Reader::long)?,
        livemode: reader.byte()? != 0,
        description: reader.option(Reader::name)?,
        card_number_masked: reader.byte()? != 0,
        points_delta: if later { reader.option(Reader::long)? } else { None },
        rounded_spend: if later { reader.option(read_decimal)? } else { None },
    })
}

fn read_kind(reader: &mut Reader<'_>, version: u8) -> Result<Kind, Malformed> {
    let index: usize = reader.int()?;
    let kind = Kind::ALL.get(index).copied().filter(|kind| version > V1 || !kind.is_points());
    kind.ok_or_else(|| reader.malformed("a kind"))
}

/// Appends a spend event: the fields of `Spend` in the schema, in its order.
pub(crate) fn put_spend(out: &mut Vec<u8>, spend: &SpendEvent) {
    let put_name = |out: &mut Vec<u8>, name: &Option<Name>| put_option(out, name.as_deref(), put_str);
    put_str(out, &spend.event_id);
    put_long(out, spend.version.into());
    put_decimal(out, spend.amount);
    put_option(out, spend.currency, |out, c| put_str(out, c.code()));
    put_long(out, spend.occurred_at_ms);
    out.push(spend.is_active.into());
    put_name(out, &spend.platform);
    put_name(out, &spend.campaign);
    put_name(out, &spend.ad_set);
    put_name(out, &spend.ad);
}

/// Reads what [`put_spend`] appends.
pub(crate) fn read_spend(reader: &mut Reader<'_>) -> Result<SpendEvent, Malformed> {
    Ok(SpendEvent {
        event_id: reader.name()?,
        version: reader.int()?,
        amount: read_decimal(reader)?,
        currency: reader.option(read_currency)?,
        occurred_at_ms: reader.long()?,
        is_active: reader.byte()? != 0,
        platform: reader.option(Reader::name)?,
        campaign: reader.option(Reader::name)?,
        ad_set: reader.option(Reader::name)?,
        ad: reader.option(Reader::name)?,
    })
}

/// A number as its digits and how many of them stand behind the point.
pub(crate) fn put_decimal(out: &mut Vec<u8>, number: Decimal) {
    // Below 10^15 with at most 15 digits, or intake had refused it: its digits fit a long.
    put_long(out, i64::try_from(number.mantissa()).unwrap_or(i64::MAX));
    put_long(out, number.scale().into());
}

pub(crate) fn read_decimal(reader: &mut Reader<'_>) -> Result<Decimal, Malformed> {
    let (units, scale) = (reader.long()?, reader.int()?);
    Decimal::try_from_i128_with_scale(units.into(), scale).map_err(|_| reader.malformed("a decimal"))
}

/// Reads a currency's code.
pub(crate) fn read_currency(reader: &mut Reader<'_>) -> Result<Currency, Malformed> {
    let code = reader.str()?;
    Currency::parse(code).ok_or_else(|| reader.malformed("a currency"))
}
