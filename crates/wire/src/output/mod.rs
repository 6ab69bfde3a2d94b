//! Output records as canonical JSON (RFC 8785: sorted keys, no spaces), integers in full digits.
//!
//! Field names and types are those of `schemas/*.avsc`, which the tests hold every function here against.

mod canonical;
mod object;
mod rows;

pub use canonical::{canonical, canonical_spend};
pub use object::push_str;
pub use rows::{row_key, row_topic, row_value};

use daybook_core::entry::{Entry, EntryKind, Posting};
use daybook_core::event::Identity;
use daybook_core::rewards::PointsChange;
use daybook_core::splits::Allocation;
use object::Object;
use sha2::{Digest, Sha256};

/// SHA-256 of a record value: what the next entry carries as `previous_hash`.
#[must_use]
pub fn hash(value: &[u8]) -> [u8; 32] {
    Sha256::digest(value).into()
}

/// Appends the value of a `ledger.entries` record. `previous_hash` is [`hash`] of the value before it, zeros for
/// the first (invariant 4).
pub fn entry(entry: &Entry, previous_hash: &[u8; 32], out: &mut String) {
    let mut o = Object::open(out);
    identity(o.key("caused_by"), entry.caused_by.as_ref());
    o.optional_str("charge_id", entry.charge_id.as_deref());
    o.str("charge_state", entry.charge_state.name());
    match entry.kind {
        EntryKind::Primary(_) => o.key("corrects").push_str("null"),
        EntryKind::Adjustment { corrects } => {
            o.number("corrects", corrects);
        }
    }
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
    let out = o.key("postings");
    out.push('[');
    for (i, p) in entry.postings.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        posting(out, p);
    }
    out.push(']');
    push_hash(o.key("previous_hash"), previous_hash);
    o.str("project_id", &entry.project);
    o.time("recorded_at", entry.recorded_at_ms);
    o.close();
}

fn identity(out: &mut String, identity: Option<&Identity>) {
    match identity {
        None => out.push_str("null"),
        Some(identity) => {
            let mut o = Object::open(out);
            o.str("event_id", &identity.event_id);
            o.number("event_line", identity.line);
            o.close();
        }
    }
}

fn posting(out: &mut String, posting: &Posting) {
    let mut o = Object::open(out);
    o.number("amount_minor", posting.amount_minor);
    o.str("dest_account", posting.dest_account.name());
    o.str("dest_organization", &posting.dest_organization);
    o.str("orig_account", posting.orig_account.name());
    o.str("orig_organization", &posting.orig_organization);
    o.str("provider", &posting.provider);
    o.close();
}

fn push_hash(out: &mut String, hash: &[u8; 32]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('"');
    for byte in hash {
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    }
    out.push('"');
}

/// Appends the value of a `rewards.points` record.
pub fn points(change: &PointsChange, out: &mut String) {
    let mut o = Object::open(out);
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
    o.close();
}

/// Appends the value of a `revenue.allocations` record.
pub fn allocation(allocation: &Allocation, out: &mut String) {
    let mut o = Object::open(out);
    o.optional_str("charge_id", allocation.charge_id.as_deref());
    o.str("currency", allocation.currency.code());
    o.day("economic_day", allocation.economic_day);
    o.str("event_id", &allocation.identity.event_id);
    o.number("event_line", allocation.identity.line);
    o.number("journal_sequence", allocation.journal_sequence);
    o.number("minor_digits", allocation.currency.minor_digits());
    o.optional_str("product_id", allocation.product.as_deref());
    o.str("project_id", &allocation.project);
    let out = o.key("shares");
    out.push('[');
    for (i, share) in allocation.shares.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        let mut o = Object::open(out);
        o.number("allocated_amount_minor", share.amount_minor);
        o.str("partner_name", &share.partner.name);
        o.str("partner_type", share.partner.partner_type.name());
        o.str("percentage", &share.percentage.to_string());
        o.close();
    }
    out.push(']');
    o.close();
}

/// Appends the value of a `projector.positions` record: outputs are published for journal offsets below this one.
pub fn position(journal_partition: u32, journal_offset: u64, out: &mut String) {
    let mut o = Object::open(out);
    o.number("journal_offset", journal_offset);
    o.number("journal_partition", journal_partition);
    o.close();
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
