//! Output records as their readers see them.

use daybook_core::party::Account;
use serde::Deserialize;

/// A posting of an entry.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Posting {
    /// Source organization.
    pub orig_organization: String,
    /// Source account.
    pub orig_account: String,
    /// Target organization.
    pub dest_organization: String,
    /// Target account.
    pub dest_account: String,
    /// Minor units, above 0.
    pub amount_minor: i64,
    /// On whose behalf.
    pub provider: String,
}

/// Whether a posting moves an amount above 0 between accounts that there are.
#[must_use]
pub fn is_sound(amount_minor: i64, accounts: [&str; 2]) -> bool {
    amount_minor > 0 && accounts.into_iter().all(|account| Account::from_name(account).is_some())
}

/// The identity of an event.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// The sender's id.
    pub event_id: String,
    /// Line in its envelope.
    pub event_line: u32,
}

/// A record of `ledger.entries`, as far as reports need it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Entry {
    /// The project.
    pub project_id: String,
    /// Its number.
    pub entry_number: u64,
    /// Hash of the entry before it, 64 hex digits.
    pub previous_hash: String,
    /// The event that it is about.
    #[serde(flatten)]
    pub identity: Identity,
    /// Kind of the event, or `adjustment`.
    pub kind: String,
    /// Of an adjustment, the number of the entry that it corrects.
    pub corrects: Option<u64>,
    /// Day that it counts on.
    pub economic_day: String,
    /// Its currency.
    pub currency: String,
    /// Digits after the point.
    pub minor_digits: u32,
    /// What it posts.
    pub postings: Vec<Posting>,
}

/// A record of `accounts.balances`, as far as reports need it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct Balance {
    /// The project.
    pub project_id: String,
    /// Whose account.
    pub organization: String,
    /// The account.
    pub account: String,
    /// The currency.
    pub currency: String,
    /// Received less given, minor units.
    pub balance_minor: i128,
}

/// The key of a record of `revenue.daily`; its [`Figures`] are read from the same bytes.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
pub struct RevenueKey {
    /// The project.
    pub project_id: String,
    /// The day.
    pub economic_day: String,
    /// The currency.
    pub currency: String,
}

/// Figures of a day: minor units and counts.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Figures {
    /// Payments.
    pub gross_sales_minor: i128,
    /// Refunds.
    pub refunds_minor: i128,
    /// Chargebacks.
    pub chargebacks_minor: i128,
    /// After paybacks.
    pub gross_revenue_minor: i128,
    /// F + P − V.
    pub platform_fees_minor: i128,
    /// After fees.
    pub net_revenue_minor: i128,
    /// Payments.
    pub transaction_count: i64,
    /// Refunds.
    pub refund_count: i64,
    /// Chargebacks.
    pub chargeback_count: i64,
}
