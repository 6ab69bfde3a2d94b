//! The shapes of the API's answers. Every `*_minor` has a decimal twin without the suffix.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::books::Books;
use super::dead_letters::{DeadLetter, DeadLetters};
use crate::money::decimal;

/// An entry of the ledger.
#[derive(Debug, Serialize)]
pub(crate) struct EntryView {
    pub(super) entry_number: u64,
    pub(super) previous_hash: String,
    pub(super) event_id: String,
    pub(super) event_line: u64,
    pub(super) kind: String,
    pub(super) corrects: Option<u64>,
    pub(super) caused_by: Option<CausedBy>,
    pub(super) charge_id: Option<String>,
    pub(super) occurred_at: String,
    pub(super) recorded_at: String,
    pub(super) economic_day: String,
    pub(super) currency: Option<String>,
    pub(super) minor_digits: Option<u8>,
    pub(super) charge_state: Option<String>,
    pub(super) flags: Vec<String>,
    pub(super) descr: Option<String>,
    pub(super) postings: Vec<PostingView>,
    pub(super) journal_sequence: u64,
}

/// The event whose arrival caused an adjustment.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct CausedBy {
    event_id: String,
    event_line: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct PostingView {
    pub(super) orig_organization: String,
    pub(super) orig_account: String,
    pub(super) dest_organization: String,
    pub(super) dest_account: String,
    pub(super) amount_minor: i64,
    pub(super) amount: String,
    pub(super) provider: Option<String>,
}

/// A day's figures in one currency.
#[derive(Debug, Serialize)]
pub(crate) struct DayView {
    pub(super) economic_day: String,
    pub(super) currency: String,
    pub(super) minor_digits: u8,
    pub(super) gross_sales_minor: i64,
    pub(super) gross_sales: String,
    pub(super) refunds_minor: i64,
    pub(super) refunds: String,
    pub(super) chargebacks_minor: i64,
    pub(super) chargebacks: String,
    pub(super) gross_revenue_minor: i64,
    pub(super) gross_revenue: String,
    pub(super) platform_fees_minor: i64,
    pub(super) platform_fees: String,
    pub(super) net_revenue_minor: i64,
    pub(super) net_revenue: String,
    pub(super) transaction_count: i64,
    pub(super) refund_count: i64,
    pub(super) chargeback_count: i64,
    pub(super) revision: u64,
    pub(super) as_of: Option<String>,
    pub(super) journal_sequence: u64,
}

impl DayView {
    /// What a day without a row says: all zeros, in this row's currency.
    pub(super) fn empty_on(&self, day: &str) -> Self {
        let zero = || decimal(0, self.minor_digits);
        Self {
            economic_day: day.to_owned(),
            currency: self.currency.clone(),
            minor_digits: self.minor_digits,
            gross_sales_minor: 0,
            gross_sales: zero(),
            refunds_minor: 0,
            refunds: zero(),
            chargebacks_minor: 0,
            chargebacks: zero(),
            gross_revenue_minor: 0,
            gross_revenue: zero(),
            platform_fees_minor: 0,
            platform_fees: zero(),
            net_revenue_minor: 0,
            net_revenue: zero(),
            transaction_count: 0,
            refund_count: 0,
            chargeback_count: 0,
            revision: 0,
            as_of: None,
            journal_sequence: 0,
        }
    }
}

/// The trial balance.
#[derive(Debug, Serialize)]
pub(crate) struct BalancesView {
    pub(super) journal_sequence: u64,
    /// Whether every currency adds up to 0.
    pub(super) balanced: bool,
    pub(super) currencies: Vec<CurrencyBalancesView>,
}

#[derive(Debug, Serialize)]
pub(crate) struct CurrencyBalancesView {
    pub(super) currency: String,
    pub(super) minor_digits: u8,
    pub(super) sum_minor: i128,
    pub(super) sum: String,
    pub(super) accounts: Vec<AccountView>,
}

/// One account, or one account of all customers together.
#[derive(Debug, Serialize)]
pub(crate) struct AccountView {
    pub(super) role: &'static str,
    /// `None` where it is all customers'.
    pub(super) organization: Option<String>,
    pub(super) customer_count: Option<u64>,
    pub(super) account: String,
    pub(super) balance_minor: i128,
    pub(super) balance: String,
    pub(super) entry_number: u64,
}

impl AccountView {
    /// Provider, processors, customers; accounts in the order of accounting.md, 1.2.
    pub(super) fn order(&self) -> (usize, Option<String>, usize) {
        let roles = ["provider", "processor", "customers"];
        let accounts = ["Income", "Assets", "Payable", "Refund", "Chargeback", "Writeoff"];
        let role = roles.iter().position(|role| *role == self.role);
        let account = accounts.iter().position(|account| *account == self.account);
        (role.unwrap_or(roles.len()), self.organization.clone(), account.unwrap_or(accounts.len()))
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct PointsView {
    pub(super) user_id: String,
    pub(super) pending_points: i64,
    pub(super) available_points: i64,
    pub(super) journal_sequence: u64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct CountersView {
    pub(super) accepted: u64,
    pub(super) duplicates: u64,
    pub(super) entries: u64,
    pub(super) dead_letters: u64,
}

/// The figures that the headline shows.
#[derive(Debug, Serialize)]
pub(crate) struct TodayView {
    pub(super) day: Option<String>,
    /// How `day` was chosen. No clock is read: books say by themselves how far they reach.
    pub(super) basis: &'static str,
    pub(super) figures: Vec<Arc<DayView>>,
}

impl Default for TodayView {
    fn default() -> Self {
        Self { day: None, basis: "newest_day_row", figures: Vec::new() }
    }
}

/// A project in a list.
#[derive(Debug, Serialize)]
pub(crate) struct ProjectView {
    pub(super) project: String,
    pub(super) livemode: bool,
    /// Up to which journal record the figures are complete.
    pub(super) journal_sequence: u64,
    /// When the newest entry was recorded.
    pub(super) as_of: Option<String>,
    pub(super) today: TodayView,
    pub(super) counters: CountersView,
}

#[derive(Debug, Serialize)]
pub(crate) struct ReasonCount {
    pub(super) reason: String,
    pub(super) count: u64,
}

#[derive(Debug, Serialize)]
pub(crate) struct DeadLettersView {
    pub(super) total: u64,
    pub(super) by_reason: Vec<ReasonCount>,
    pub(super) latest: Vec<DeadLetter>,
}

/// All of one project that the page shows, as of one moment.
#[derive(Debug, Serialize)]
pub(crate) struct ProjectOverviewView {
    #[serde(flatten)]
    pub(super) project: ProjectView,
    pub(super) dead_letters: DeadLettersView,
    pub(super) entries: Vec<Arc<EntryView>>,
    pub(super) days: Vec<Arc<DayView>>,
    pub(super) balances: BalancesView,
}

/// All projects that a key sees.
#[derive(Debug, Serialize)]
pub(crate) struct OverviewView {
    projects: Vec<ProjectView>,
    counters: CountersView,
    dead_letters: DeadLettersView,
    /// Dead letters that name no project; an operator's to look at.
    unattributed_dead_letters: Option<DeadLettersView>,
}

pub(super) fn overview(
    books: &Books,
    visible: impl Fn(&str) -> bool,
    with_unattributed: bool,
) -> OverviewView {
    let seen: Vec<_> = books.projects().filter(|(name, _)| visible(name)).collect();
    let projects: Vec<ProjectView> = seen.iter().map(|(name, project)| project.view(name)).collect();
    let unattributed = with_unattributed.then_some(&books.unattributed);
    let letters = seen.iter().map(|(_, project)| &project.dead_letters).chain(unattributed);
    let dead_letters = DeadLetters::view(letters);
    let mut counters = CountersView { dead_letters: dead_letters.total, ..Default::default() };
    for project in &projects {
        counters.accepted += project.counters.accepted;
        counters.duplicates += project.counters.duplicates;
        counters.entries += project.counters.entries;
    }
    OverviewView {
        projects,
        counters,
        dead_letters,
        unattributed_dead_letters: unattributed.map(|letters| DeadLetters::view([letters])),
    }
}
