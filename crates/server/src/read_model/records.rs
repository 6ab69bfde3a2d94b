//! Output records as they are on the wire, in JSON.

use std::sync::Arc;

use jiff::civil::Date;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::OutputRecord;
use super::dead_letters::DeadLetter;
use super::views::{CausedBy, DayView, EntryView, PostingView};
use crate::money::decimal;

const ENTRIES: &str = "ledger.entries";
const REVENUE: &str = "revenue.daily";
const BALANCES: &str = "accounts.balances";
const POINTS: &str = "rewards.balances";
const KPIS: &str = "kpis.daily";
const DEAD_LETTERS: &str = "charges.dlq";

/// The topics that are read.
pub(crate) const TOPICS: [&str; 6] = [ENTRIES, REVENUE, BALANCES, POINTS, KPIS, DEAD_LETTERS];

/// One record, understood.
pub(super) enum Update {
    Entry { project: String, entry: Arc<EntryView> },
    Day { project: String, day: Arc<DayView> },
    Balance { key: Box<[u8]>, balance: Balance },
    Points { points: Points },
    Pending { project: String, currency: String, day: Date, minor: i64 },
    DeadLetter { project: Option<String>, letter: DeadLetter },
}

/// A record that can't be read. It says where, never what was there: that may be personal data.
pub(super) struct Malformed {
    pub(super) topic: &'static str,
    pub(super) problem: String,
}

#[derive(Deserialize)]
struct Entry {
    project_id: String,
    entry_number: u64,
    previous_hash: String,
    event_id: String,
    event_line: u64,
    kind: String,
    corrects: Option<u64>,
    caused_by: Option<CausedBy>,
    charge_id: Option<String>,
    occurred_at: String,
    recorded_at: String,
    economic_day: String,
    currency: Option<String>,
    minor_digits: Option<u8>,
    charge_state: Option<String>,
    #[serde(default)]
    flags: Vec<String>,
    descr: Option<String>,
    postings: Vec<Posting>,
    #[serde(default)]
    journal_sequence: u64,
}

#[derive(Deserialize)]
struct Posting {
    orig_organization: String,
    orig_account: String,
    dest_organization: String,
    dest_account: String,
    amount_minor: i64,
    provider: Option<String>,
}

#[derive(Deserialize)]
struct Day {
    project_id: String,
    economic_day: String,
    currency: String,
    minor_digits: u8,
    gross_sales_minor: i64,
    refunds_minor: i64,
    chargebacks_minor: i64,
    gross_revenue_minor: i64,
    platform_fees_minor: i64,
    net_revenue_minor: i64,
    transaction_count: i64,
    refund_count: i64,
    chargeback_count: i64,
    revision: u64,
    as_of: Option<String>,
    #[serde(default)]
    journal_sequence: u64,
}

#[derive(Deserialize)]
pub(super) struct Balance {
    pub(super) project_id: String,
    pub(super) organization: String,
    pub(super) account: String,
    pub(super) currency: String,
    pub(super) minor_digits: u8,
    pub(super) balance_minor: i64,
    pub(super) entry_number: u64,
    #[serde(default)]
    pub(super) journal_sequence: u64,
}

#[derive(Deserialize)]
pub(super) struct Points {
    pub(super) project_id: String,
    pub(super) user_id: String,
    pub(super) pending_points: i64,
    pub(super) available_points: i64,
    #[serde(default)]
    pub(super) journal_sequence: u64,
}

#[derive(Deserialize)]
struct Kpis {
    project_id: String,
    economic_day: String,
    currency: String,
    pending_revenue_minor: i64,
}

/// `None` for topics that no query reads.
pub(super) fn parse(record: OutputRecord<'_>) -> Result<Option<Update>, Malformed> {
    let Some(topic) = TOPICS.into_iter().find(|topic| *topic == record.topic) else {
        return Ok(None);
    };
    let update = match topic {
        ENTRIES => {
            let (project, entry) = json::<Entry>(topic, record.value)?.into_view();
            Update::Entry { project, entry: Arc::new(entry) }
        }
        REVENUE => {
            let (project, day) = json::<Day>(topic, record.value)?.into_view();
            Update::Day { project, day: Arc::new(day) }
        }
        BALANCES => Update::Balance { key: record.key.into(), balance: json(topic, record.value)? },
        POINTS => Update::Points { points: json(topic, record.value)? },
        KPIS => {
            let Kpis { project_id: project, economic_day, currency, pending_revenue_minor: minor } =
                json(topic, record.value)?;
            let day = economic_day.parse().map_err(|_| Malformed { topic, problem: "no day".to_owned() })?;
            Update::Pending { project, currency, day, minor }
        }
        _ => {
            let (project, letter) = DeadLetter::from_headers(record.headers);
            Update::DeadLetter { project, letter }
        }
    };
    Ok(Some(update))
}

fn json<T: DeserializeOwned>(topic: &'static str, value: &[u8]) -> Result<T, Malformed> {
    serde_json::from_slice(value).map_err(|error| Malformed {
        topic,
        problem: format!(
            "{:?} error at line {} column {} of {} bytes",
            error.classify(),
            error.line(),
            error.column(),
            value.len()
        ),
    })
}

impl Entry {
    fn into_view(self) -> (String, EntryView) {
        let digits = self.minor_digits.unwrap_or(0);
        let postings = self.postings.into_iter().map(|posting| posting.into_view(digits));
        let view = EntryView {
            entry_number: self.entry_number,
            previous_hash: self.previous_hash,
            event_id: self.event_id,
            event_line: self.event_line,
            kind: self.kind,
            corrects: self.corrects,
            caused_by: self.caused_by,
            charge_id: self.charge_id,
            occurred_at: self.occurred_at,
            recorded_at: self.recorded_at,
            economic_day: self.economic_day,
            currency: self.currency,
            minor_digits: self.minor_digits,
            charge_state: self.charge_state,
            flags: self.flags,
            descr: self.descr,
            postings: postings.collect(),
            journal_sequence: self.journal_sequence,
        };
        (self.project_id, view)
    }
}

impl Posting {
    fn into_view(self, digits: u8) -> PostingView {
        PostingView {
            orig_organization: self.orig_organization,
            orig_account: self.orig_account,
            dest_organization: self.dest_organization,
            dest_account: self.dest_account,
            amount_minor: self.amount_minor,
            amount: decimal(self.amount_minor.into(), digits),
            provider: self.provider,
        }
    }
}

impl Day {
    fn into_view(self) -> (String, DayView) {
        let text = |minor: i64| decimal(minor.into(), self.minor_digits);
        let view = DayView {
            gross_sales: text(self.gross_sales_minor),
            refunds: text(self.refunds_minor),
            chargebacks: text(self.chargebacks_minor),
            gross_revenue: text(self.gross_revenue_minor),
            platform_fees: text(self.platform_fees_minor),
            net_revenue: text(self.net_revenue_minor),
            economic_day: self.economic_day,
            currency: self.currency,
            minor_digits: self.minor_digits,
            gross_sales_minor: self.gross_sales_minor,
            refunds_minor: self.refunds_minor,
            chargebacks_minor: self.chargebacks_minor,
            gross_revenue_minor: self.gross_revenue_minor,
            platform_fees_minor: self.platform_fees_minor,
            net_revenue_minor: self.net_revenue_minor,
            transaction_count: self.transaction_count,
            refund_count: self.refund_count,
            chargeback_count: self.chargeback_count,
            revision: self.revision,
            as_of: self.as_of,
            journal_sequence: self.journal_sequence,
        };
        (self.project_id, view)
    }
}
