//! Values of the projector's state as bytes of the state store.
//!
//! Private to the store: state is a cache that can be rebuilt from the journal, so there is one format version and
//! no migration. A store of another version is dropped and replayed.

mod charge;
mod rows;

pub use charge::read_charge;
pub use rows::{read_allocation, read_day, read_month, read_spend_event};

use std::collections::BTreeMap;
use std::sync::Arc;

use daybook_core::calendar::{Day, Month};
use daybook_core::charge::{ChargeKey, Reference};
use daybook_core::event::{Identity, SourcePosition};
use daybook_core::money::Currency;
use daybook_core::name::Name;
use daybook_core::organization::{AccountBalance, Organization, PointsBalance};
use daybook_core::party::Account;
use daybook_core::rejection::Reason;
use daybook_core::rewards::Points;
use daybook_core::settings::PartnerType;
use daybook_core::splits::PartnerKey;
use daybook_core::state::{AllocationKey, Change, Head};
use sha2::{Digest, Sha256};

use crate::binary::{Malformed, Reader, put_bytes, put_count, put_long, put_option, put_str};
use crate::journal::read_currency;
use crate::settings;
use charge::put_charge;
use rows::{put_allocation, put_day, put_month, put_spend_event};

/// Version of all that is written here.
pub const FORMAT: u32 = 3;

/// The table of a value: first byte of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Table {
    /// [`Head`] by project.
    Head = b'h',
    /// Charges by [`ChargeKey`].
    Charge = b'c',
    /// [`ChargeKey`] by [`Identity`].
    Identity = b'i',
    /// [`Organization`] by name.
    Organization = b'o',
    /// Figures by day and currency.
    Day = b'd',
    /// Figures by month and currency.
    Month = b'm',
    /// Totals by [`AllocationKey`].
    Allocation = b'a',
    /// Versions by the spend event's id.
    Spend = b's',
    /// Nothing, by time and [`ChargeKey`].
    Due = b't',
}

/// Starts a key: table and project. What follows is the key's own.
#[must_use]
pub fn key_prefix(table: Table, project: &str) -> Vec<u8> {
    let mut key = Vec::with_capacity(96);
    key.push(table as u8);
    put_str(&mut key, project);
    key
}

/// Reads the project of a head's key.
///
/// # Errors
/// Where the bytes are not such a key.
pub fn read_head_key(key: &[u8]) -> Result<Name, Malformed> {
    let mut reader = Reader::new(key.get(1..).unwrap_or_default());
    let name = reader.name()?;
    reader.end()?;
    Ok(name)
}

/// A key that is only ever looked up, by half of its SHA-256: a store of many keys compares them all the time, and those
/// of one project begin alike.
fn hashed(key: &[u8]) -> Vec<u8> {
    let hash: [u8; 32] = Sha256::digest(key).into();
    let (half, _) = hash.split_at(hash.len() / 2);
    let mut out = Vec::with_capacity(1 + half.len());
    out.extend(key.first());
    out.extend_from_slice(half);
    out
}

/// Key of a charge.
#[must_use]
pub fn charge_key(project: &str, key: &ChargeKey) -> Vec<u8> {
    let mut out = key_prefix(Table::Charge, project);
    put_charge_key(&mut out, key);
    hashed(&out)
}

/// Key of an identity.
#[must_use]
pub fn identity_key(project: &str, identity: &Identity) -> Vec<u8> {
    let mut out = key_prefix(Table::Identity, project);
    put_identity(&mut out, identity);
    hashed(&out)
}

/// Key of an organization.
#[must_use]
pub fn organization_key(project: &str, name: &str) -> Vec<u8> {
    let mut out = key_prefix(Table::Organization, project);
    put_str(&mut out, name);
    hashed(&out)
}

/// Key of a day's row.
#[must_use]
pub fn day_key(project: &str, (day, currency): &(Day, Currency)) -> Vec<u8> {
    let mut out = key_prefix(Table::Day, project);
    out.extend_from_slice(day.to_string().as_bytes());
    out.extend_from_slice(currency.code().as_bytes());
    out
}

/// Key of a month's row.
#[must_use]
pub fn month_key(project: &str, (month, currency): &(Month, Currency)) -> Vec<u8> {
    let mut out = key_prefix(Table::Month, project);
    out.extend_from_slice(month.to_string().as_bytes());
    out.extend_from_slice(currency.code().as_bytes());
    out
}

/// Key of what a day has allocated to a partner.
#[must_use]
pub fn allocation_key(project: &str, key: &AllocationKey) -> Vec<u8> {
    let mut out = key_prefix(Table::Allocation, project);
    out.extend_from_slice(key.day.to_string().as_bytes());
    out.extend_from_slice(key.currency.code().as_bytes());
    put_partner(&mut out, &key.partner);
    out
}

/// Key of a spend event.
#[must_use]
pub fn spend_key(project: &str, event_id: &str) -> Vec<u8> {
    let mut out = key_prefix(Table::Spend, project);
    put_str(&mut out, event_id);
    hashed(&out)
}

fn due_key(project: &str, at_ms: i64, key: &ChargeKey) -> Vec<u8> {
    let mut out = key_prefix(Table::Due, project);
    put_long(&mut out, at_ms);
    put_charge_key(&mut out, key);
    out
}

/// Reads the time and charge of a due key, of which `prefix` bytes are table and project.
///
/// # Errors
/// Where the bytes are not such a key; likewise for the other readers here.
pub fn read_due_key(key: &[u8], prefix: usize) -> Result<(i64, ChargeKey), Malformed> {
    let mut reader = Reader::new(key.get(prefix..).unwrap_or_default());
    Ok((reader.long()?, read_charge_key(&mut reader)?))
}

/// A change as key and value; `None` removes the key.
#[must_use]
pub fn encode(project: &str, change: &Change<'_>) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut value = Vec::with_capacity(256);
    let key = match change {
        Change::Head(head) => {
            put_head(&mut value, head);
            key_prefix(Table::Head, project)
        }
        Change::Charge(key, charge) => {
            put_charge(&mut value, charge);
            charge_key(project, key)
        }
        Change::Identity(identity, key) => {
            put_charge_key(&mut value, key);
            identity_key(project, identity)
        }
        Change::Organization(name, organization) => {
            put_organization(&mut value, organization);
            organization_key(project, name)
        }
        Change::Day(key, row) => {
            put_day(&mut value, row);
            day_key(project, key)
        }
        Change::Month(key, row) => {
            put_month(&mut value, row);
            month_key(project, key)
        }
        Change::Allocation(key, row) => {
            put_allocation(&mut value, row);
            allocation_key(project, key)
        }
        Change::Spend(event_id, spend) => {
            put_spend_event(&mut value, spend);
            spend_key(project, event_id)
        }
        Change::Due(at_ms, key, added) => return (due_key(project, *at_ms, key), added.then(Vec::new)),
    };
    (key, Some(value))
}

fn put_identity(out: &mut Vec<u8>, identity: &Identity) {
    put_str(out, &identity.event_id);
    put_long(out, identity.line.into());
}

fn read_identity(reader: &mut Reader<'_>) -> Result<Identity, Malformed> {
    Ok(Identity { event_id: reader.name()?, line: reader.int()? })
}

fn put_partner(out: &mut Vec<u8>, partner: &PartnerKey) {
    out.push(partner.partner_type as u8);
    put_str(out, &partner.name);
}

fn read_partner(reader: &mut Reader<'_>) -> Result<PartnerKey, Malformed> {
    let partner_type = usize::from(reader.byte()?);
    let partner_type = PartnerType::ALL.get(partner_type).copied();
    let partner_type = partner_type.ok_or_else(|| reader.malformed("a partner's type"))?;
    Ok(PartnerKey { partner_type, name: reader.name()? })
}

fn put_charge_key(out: &mut Vec<u8>, key: &ChargeKey) {
    match &key.reference {
        Reference::Shared(name) => {
            out.push(0);
            put_str(out, name);
        }
        Reference::Own(identity) => {
            out.push(1);
            put_identity(out, identity);
        }
    }
    put_str(out, key.currency.code());
}

/// Reads the charge of an identity.
#[allow(clippy::missing_errors_doc)]
pub fn read_charge_key(reader: &mut Reader<'_>) -> Result<ChargeKey, Malformed> {
    let reference = match reader.byte()? {
        0 => Reference::Shared(reader.name()?),
        1 => Reference::Own(read_identity(reader)?),
        _ => return Err(reader.malformed("a reference")),
    };
    Ok(ChargeKey { reference, currency: read_currency(reader)? })
}

fn put_head(out: &mut Vec<u8>, head: &Head) {
    put_count(out, head.journal_sequence);
    put_option(out, head.journal_time_ms, put_long);
    put_count(out, head.entry_number);
    out.extend_from_slice(&head.previous_hash);
    put_list(out, head.settings.iter(), |out, s| put_str(out, &settings::to_json(s)));
    put_list(out, head.sources.iter(), |out, s| {
        put_str(out, &s.topic);
        put_long(out, s.partition.into());
        put_count(out, s.offset);
        put_long(out, s.item.into());
    });
    put_list(out, head.dropped.iter(), |out, (sequence, before)| {
        put_count(out, *sequence);
        put_long(out, *before);
    });
    put_count(out, head.accepted);
    put_count(out, head.accepted_spend);
    put_count(out, head.duplicates);
    put_list(out, head.refused.iter(), |out, (reason, count)| {
        put_str(out, reason.code());
        put_count(out, *count);
    });
    put_count(out, head.already_seen);
}

/// Reads a project's head.
#[allow(clippy::missing_errors_doc)]
pub fn read_head(bytes: &[u8]) -> Result<Head, Malformed> {
    let mut r = Reader::new(bytes);
    let head = Head {
        journal_sequence: r.count()?,
        journal_time_ms: r.option(Reader::long)?,
        entry_number: r.count()?,
        previous_hash: r.fixed(32)?.try_into().map_err(|_| r.malformed("a hash"))?,
        settings: Arc::new(read_list(&mut r, |r| {
            settings::parse(r.bytes()?).map(Arc::new).map_err(|_| r.malformed("settings"))
        })?),
        sources: read_list(&mut r, |r| {
            Ok(SourcePosition { topic: r.name()?, partition: r.int()?, offset: r.count()?, item: r.int()? })
        })?,
        dropped: read_list(&mut r, |r| Ok((r.count()?, r.long()?)))?,
        accepted: r.count()?,
        accepted_spend: r.count()?,
        duplicates: r.count()?,
        refused: read_list(&mut r, |r| {
            let reason = Reason::from_code(r.str()?).ok_or_else(|| r.malformed("a reason"))?;
            Ok((reason, r.count()?))
        })?
        .into_iter()
        .collect::<BTreeMap<_, _>>(),
        already_seen: r.count()?,
    };
    r.end()?;
    Ok(head)
}

fn put_organization(out: &mut Vec<u8>, organization: &Organization) {
    put_list(out, organization.accounts.iter(), |out, balance| {
        out.push(balance.account as u8);
        put_str(out, balance.currency.code());
        put_i128(out, balance.balance_minor);
        put_i128(out, balance.tally_minor);
        put_count(out, balance.entry_number);
        put_count(out, balance.journal_sequence);
    });
    put_option(out, organization.points, |out, points| {
        put_long(out, points.points.pending);
        put_long(out, points.points.available);
        put_count(out, points.journal_sequence);
    });
}

/// Reads an organization.
#[allow(clippy::missing_errors_doc)]
pub fn read_organization(bytes: &[u8]) -> Result<Organization, Malformed> {
    let mut r = Reader::new(bytes);
    let organization = Organization {
        accounts: read_list(&mut r, |r| {
            let account = usize::from(r.byte()?);
            Ok(AccountBalance {
                account: Account::ALL.get(account).copied().ok_or_else(|| r.malformed("an account"))?,
                currency: read_currency(r)?,
                balance_minor: read_i128(r)?,
                tally_minor: read_i128(r)?,
                entry_number: r.count()?,
                journal_sequence: r.count()?,
            })
        })?,
        points: r.option(|r| {
            Ok(PointsBalance {
                points: Points { pending: r.long()?, available: r.long()? },
                journal_sequence: r.count()?,
            })
        })?,
    };
    r.end()?;
    Ok(organization)
}

fn put_i128(out: &mut Vec<u8>, value: i128) {
    // Nearly all fit a long, which takes a few bytes.
    match i64::try_from(value) {
        Ok(value) => {
            out.push(0);
            put_long(out, value);
        }
        Err(_) => {
            out.push(1);
            put_bytes(out, &value.to_le_bytes());
        }
    }
}

fn read_i128(reader: &mut Reader<'_>) -> Result<i128, Malformed> {
    match reader.byte()? {
        0 => reader.long().map(i128::from),
        _ => {
            let bytes = reader.bytes()?;
            bytes.try_into().map(i128::from_le_bytes).map_err(|_| reader.malformed("a sum"))
        }
    }
}

fn put_list<T>(
    out: &mut Vec<u8>,
    items: impl ExactSizeIterator<Item = T>,
    mut put: impl FnMut(&mut Vec<u8>, T),
) {
    put_count(out, items.len() as u64);
    for item in items {
        put(out, item);
    }
}

fn read_list<T>(
    reader: &mut Reader<'_>,
    mut read: impl FnMut(&mut Reader<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    (0..reader.count()?).map(|_| read(reader)).collect()
}
