//! Output records, as canonical JSON (RFC 8785: sorted keys, no spaces; integers in full digits) into a `String`, or as Avro
//! into a [`Datum`].
//!
//! Field names, their order and types are those of `schemas/*.avsc`, which the tests hold every function here against.

mod avro;
mod canonical;
mod fields;
mod json;
mod rows;

pub use avro::Datum;
pub use canonical::{canonical, canonical_spend};
pub use fields::{Fields, Number};
pub use json::push_str;
pub use rows::{row_key, row_topic, row_value};

use daybook_core::entry::{Entry, EntryKind, Posting};
use daybook_core::event::Identity;
use daybook_core::rewards::PointsChange;
use daybook_core::splits::Allocation;
use sha2::{Digest, Sha256};

/// SHA-256 of a record value: what the next entry carries as `previous_hash`.
#[must_use]
pub fn hash(value: &[u8]) -> [u8; 32] {
    Sha256::digest(value).into()
}

/// Appends the value of a `ledger.entries` record. `previous_hash` is [`hash`] of the canonical JSON of the value
/// before it, zeros for the first (invariant 4).
pub fn entry<F: Fields>(entry: &Entry, previous_hash: &[u8; 32], out: &mut F) {
    out.record(|o| {
        o.field("caused_by");
        o.option(entry.caused_by.as_ref(), identity);
        o.optional_str("charge_id", entry.charge_id.as_deref());
        o.str("charge_state", entry.charge_state.name());
        let corrects = match entry.kind {
            EntryKind::Primary(_) => None,
            EntryKind::Adjustment { corrects } => Some(corrects),
        };
        o.optional_number("corrects", corrects);
        o.str("currency", entry.currency.code());
        o.optional_str("descr", entry.descr.as_deref());
        o.day("economic_day", entry.economic_day);
        o.number("entry_number", entry.entry_number);
        o.str("event_id", &entry.identity.event_id);
        o.number("event_line", entry.identity.line);
        o.flags("flags", entry.flags);
        o.number("journal_sequence", entry.journal_sequence);
        o.str("kind", entry.kind.name());
        o.number("minor_digits", entry.currency.minor_digits());
        o.time("occurred_at", entry.occurred_at_ms);
        o.field("postings");
        o.array(entry.postings.iter(), posting);
        o.str("previous_hash", &hex(previous_hash));
        o.str("project_id", &entry.project);
        o.time("recorded_at", entry.recorded_at_ms);
    });
}

fn identity<F: Fields>(out: &mut F, identity: &Identity) {
    out.record(|o| {
        o.str("event_id", &identity.event_id);
        o.number("event_line", identity.line);
    });
}

fn posting<F: Fields>(out: &mut F, posting: &Posting) {
    out.record(|o| {
        o.number("amount_minor", posting.amount_minor);
        o.str("dest_account", posting.dest_account.name());
        o.str("dest_organization", &posting.dest_organization);
        o.str("orig_account", posting.orig_account.name());
        o.str("orig_organization", &posting.orig_organization);
        o.str("provider", &posting.provider);
    });
}

fn hex(hash: &[u8; 32]) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let mut hex = String::with_capacity(64);
    for byte in hash {
        hex.push(char::from(HEX[usize::from(byte >> 4)]));
        hex.push(char::from(HEX[usize::from(byte & 15)]));
    }
    hex
}

/// Appends the value of a `rewards.points` record.
pub fn points<F: Fields>(change: &PointsChange, out: &mut F) {
    out.record(|o| {
        o.number("available_balance", change.balance.available);
        o.number("available_delta", change.delta.available);
        o.optional_str("charge_id", change.charge_id.as_deref());
        o.day("economic_day", change.economic_day);
        o.str("event_id", &change.identity.event_id);
        o.number("event_line", change.identity.line);
        o.flags("flags", change.flags);
        o.number("journal_sequence", change.journal_sequence);
        o.time("occurred_at", change.occurred_at_ms);
        o.number("pending_balance", change.balance.pending);
        o.number("pending_delta", change.delta.pending);
        o.str("points_status", change.status.name());
        o.str("project_id", &change.project);
        o.number("rounded_spend", change.rounded_spend);
        o.str("tier", &change.tier);
        o.str("user_id", &change.user);
    });
}

/// Appends the value of a `revenue.allocations` record.
pub fn allocation<F: Fields>(allocation: &Allocation, out: &mut F) {
    out.record(|o| {
        o.optional_str("charge_id", allocation.charge_id.as_deref());
        o.str("currency", allocation.currency.code());
        o.day("economic_day", allocation.economic_day);
        o.str("event_id", &allocation.identity.event_id);
        o.number("event_line", allocation.identity.line);
        o.number("journal_sequence", allocation.journal_sequence);
        o.number("minor_digits", allocation.currency.minor_digits());
        o.optional_str("product_id", allocation.product.as_deref());
        o.str("project_id", &allocation.project);
        o.field("shares");
        o.array(allocation.shares.iter(), |out: &mut F, share| {
            out.record(|o| {
                o.number("allocated_amount_minor", share.amount_minor);
                o.str("partner_name", &share.partner.name);
                o.str("partner_type", share.partner.partner_type.name());
                o.str("percentage", &share.percentage.to_string());
            });
        });
    });
}

/// Appends the value of a `projector.positions` record: outputs are published for journal offsets below this one.
pub fn position<F: Fields>(journal_partition: u32, journal_offset: u64, out: &mut F) {
    out.record(|o| {
        o.number("journal_offset", journal_offset);
        o.number("journal_partition", journal_partition);
    });
}

/// Reads a position's journal partition and offset.
///
/// # Errors
/// Where it is not what [`position`] writes.
pub fn read_position(value: &[u8]) -> Result<(u32, u64), PositionMalformed> {
    let read = || {
        let position: serde_json::Value = serde_json::from_slice(value).ok()?;
        let partition = position.get("journal_partition")?.as_u64()?.try_into().ok()?;
        Some((partition, position.get("journal_offset")?.as_u64()?))
    };
    read().ok_or(PositionMalformed)
}

/// A record of `projector.positions` that this program has not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record of projector.positions is not as the projector writes it")]
pub struct PositionMalformed;
