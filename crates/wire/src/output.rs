//! Output records as canonical JSON (RFC 8785: sorted keys, no spaces), integers in full digits.
//!
//! Field names and types are those of `schemas/*.avsc`, which the tests hold every function here against.

use std::fmt::Write;

use daybook_core::calendar::Day;
use daybook_core::daily::DayRow;
use daybook_core::entry::{Entry, EntryKind, Posting};
use daybook_core::event::Identity;
use daybook_core::flags::Flags;
use daybook_core::money::Currency;
use daybook_core::rewards::PointsChange;
use daybook_core::state::{AccountBalance, PointsBalance, Row};
use sha2::{Digest, Sha256};

use crate::time::push_rfc3339;
use crate::topic::Topic;

/// SHA-256 of a record value: what the next entry carries as `previous_hash`.
#[must_use]
pub fn hash(value: &[u8]) -> [u8; 32] {
    Sha256::digest(value).into()
}

/// Writes one JSON object, members in the order in which they are added: the caller adds them sorted.
struct Object<'a> {
    out: &'a mut String,
    first: bool,
}

impl<'a> Object<'a> {
    fn open(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, first: true }
    }

    fn key(&mut self, key: &str) -> &mut String {
        self.out.push_str(if self.first { "\"" } else { ",\"" });
        self.first = false;
        self.out.push_str(key);
        self.out.push_str("\":");
        self.out
    }

    fn str(&mut self, key: &str, value: &str) -> &mut Self {
        push_str(self.key(key), value);
        self
    }

    fn optional_str(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        let out = self.key(key);
        match value {
            Some(value) => push_str(out, value),
            None => out.push_str("null"),
        }
        self
    }

    fn number(&mut self, key: &str, value: impl itoa::Integer) -> &mut Self {
        self.key(key).push_str(itoa::Buffer::new().format(value));
        self
    }

    fn time(&mut self, key: &str, time_ms: i64) -> &mut Self {
        let out = self.key(key);
        out.push('"');
        push_rfc3339(time_ms, out);
        out.push('"');
        self
    }

    fn day(&mut self, key: &str, day: Day) -> &mut Self {
        let (year, month, day) = day.ymd();
        let out = self.key(key);
        for (separator, number, width) in
            [('"', year, 4), ('-', i16::from(month), 2), ('-', i16::from(day), 2)]
        {
            out.push(separator);
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(number);
            out.extend(std::iter::repeat_n('0', width - digits.len().min(width)));
            out.push_str(digits);
        }
        out.push('"');
        self
    }

    fn flags(&mut self, key: &str, flags: Flags) -> &mut Self {
        let out = self.key(key);
        out.push('[');
        for (i, flag) in flags.iter().enumerate() {
            out.push_str(if i == 0 { "\"" } else { ",\"" });
            out.push_str(flag.name());
            out.push('"');
        }
        out.push(']');
        self
    }

    fn close(self) {
        self.out.push('}');
    }
}

/// Appends a JSON string as RFC 8785 writes it.
pub fn push_str(out: &mut String, value: &str) {
    out.push('"');
    // Looked at to the end even where the answer is known: without a branch the loop is done 16 bytes at a time.
    let escapes = value.bytes().fold(false, |found, b| found | (b < 0x20) | (b == b'"') | (b == b'\\'));
    if !escapes {
        out.push_str(value);
    } else {
        for c in value.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\u{8}' => out.push_str("\\b"),
                '\t' => out.push_str("\\t"),
                '\n' => out.push_str("\\n"),
                '\u{c}' => out.push_str("\\f"),
                '\r' => out.push_str("\\r"),
                c if c < ' ' => {
                    let _ = write!(out, "\\u{:04x}", u32::from(c));
                }
                c => out.push(c),
            }
        }
    }
    out.push('"');
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

/// Topic of a row.
#[must_use]
pub fn row_topic(row: &Row<'_>) -> Topic {
    match row {
        Row::Revenue { .. } => Topic::RevenueDaily,
        Row::Balance { .. } => Topic::AccountsBalances,
        Row::Points { .. } => Topic::RewardsBalances,
    }
}

/// Appends a row's key: its parts separated by `/`.
pub fn row_key(project: &str, row: &Row<'_>, out: &mut String) {
    let _ = match row {
        Row::Revenue { day, currency, .. } => write!(out, "{project}/{day}/{currency}"),
        Row::Balance { organization, balance } => {
            write!(out, "{project}/{organization}/{}/{}", balance.account, balance.currency)
        }
        Row::Points { user, .. } => write!(out, "{project}/{user}"),
    };
}

/// Appends a row's value.
pub fn row_value(project: &str, row: &Row<'_>, out: &mut String) {
    match row {
        Row::Revenue { day, currency, row } => revenue(project, *day, *currency, row, out),
        Row::Balance { organization, balance } => account_balance(project, organization, balance, out),
        Row::Points { user, balance } => points_balance(project, user, balance, out),
    }
}

fn revenue(project: &str, day: Day, currency: Currency, row: &DayRow, out: &mut String) {
    let columns = &row.columns;
    let mut o = Object::open(out);
    o.time("as_of", row.as_of_ms);
    o.number("chargeback_count", columns.chargeback_count);
    o.number("chargebacks_minor", columns.chargebacks_minor);
    o.str("currency", currency.code());
    o.day("economic_day", day);
    o.number("gross_revenue_minor", columns.gross_revenue_minor());
    o.number("gross_sales_minor", columns.gross_sales_minor);
    o.number("journal_sequence", row.journal_sequence);
    o.number("minor_digits", currency.minor_digits());
    o.number("net_revenue_minor", columns.net_revenue_minor());
    o.number("platform_fees_minor", columns.platform_fees_minor);
    o.str("project_id", project);
    o.number("refund_count", columns.refund_count);
    o.number("refunds_minor", columns.refunds_minor);
    o.number("revision", row.revision);
    o.number("transaction_count", columns.transaction_count);
    o.close();
}

fn account_balance(project: &str, organization: &str, balance: &AccountBalance, out: &mut String) {
    let mut o = Object::open(out);
    o.str("account", balance.account.name());
    o.number("balance_minor", balance.balance_minor);
    o.str("currency", balance.currency.code());
    o.number("entry_number", balance.entry_number);
    o.number("journal_sequence", balance.journal_sequence);
    o.number("minor_digits", balance.currency.minor_digits());
    o.str("organization", organization);
    o.str("project_id", project);
    o.close();
}

fn points_balance(project: &str, user: &str, balance: &PointsBalance, out: &mut String) {
    let mut o = Object::open(out);
    o.number("available_points", balance.points.available);
    o.number("journal_sequence", balance.journal_sequence);
    o.number("pending_points", balance.points.pending);
    o.str("project_id", project);
    o.str("user_id", user);
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

/// The same as [`daybook_core::event::ChargeEvent`] in the canonical format (contracts.md, "In"): what the projector
/// refuses is dead-lettered as this.
pub fn canonical(event: &daybook_core::event::ChargeEvent, out: &mut String) {
    let mut o = Object::open(out);
    let decimal = |o: &mut Object<'_>, key: &str, value: Option<rust_decimal::Decimal>| {
        if let Some(value) = value {
            let _ = write!(o.key(key), "\"{value}\"");
        }
    };
    let name = |o: &mut Object<'_>, key: &str, value: Option<&str>| {
        if let Some(value) = value {
            o.str(key, value);
        }
    };
    let time = |o: &mut Object<'_>, key: &str, value: Option<i64>| {
        if let Some(value) = value {
            o.time(key, value);
        }
    };
    decimal(&mut o, "amount", event.amount);
    name(&mut o, "chargeId", event.charge_id.as_deref());
    time(&mut o, "clearsAt", event.clears_at_ms);
    name(&mut o, "currency", event.currency.as_ref().map(Currency::code));
    name(&mut o, "description", event.description.as_deref());
    o.str("eventId", &event.identity.event_id);
    o.number("eventLine", event.identity.line);
    decimal(&mut o, "fee", event.fee);
    decimal(&mut o, "feeReturned", event.fee_returned);
    o.str("kind", event.kind.name());
    let _ = write!(o.key("livemode"), "{}", event.livemode);
    time(&mut o, "occurredAt", event.occurred_at_ms);
    name(&mut o, "orderId", event.order_id.as_deref());
    name(&mut o, "productId", event.product.as_deref());
    name(&mut o, "provider", event.processor.as_deref());
    name(&mut o, "tier", event.tier.as_deref());
    name(&mut o, "transactionId", event.transaction.as_deref());
    o.str("userId", &event.user);
    o.close();
}
