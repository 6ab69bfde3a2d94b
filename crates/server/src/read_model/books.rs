//! The state behind the snapshots: per project, the last row of each key.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::dead_letters::{DeadLetter, DeadLetters};
use super::pending::Pending;
use super::records::{Balance, Points, Update};
use super::views::{
    AccountView, BalancesView, CountersView, CurrencyBalancesView, DayView, EntryView, PointsView,
    ProjectOverviewView, ProjectView, TodayView,
};
use super::{Counters, Unbalanced};
use crate::money::decimal;

const ENTRIES_KEPT_MAX: usize = 500;
const ENTRIES_IN_OVERVIEW: usize = 20;
const DAYS_IN_OVERVIEW: usize = 90;
/// A dead letter's project is whatever its sender wrote; beyond this many projects, one that is
/// named by dead letters alone is not worth a place of its own.
const PROJECTS_FROM_DEAD_LETTERS_MAX: usize = 10_000;

/// The accounts that only customers have rows in (accounting.md, section 2).
const CUSTOMER_ACCOUNTS: [&str; 4] = ["Payable", "Refund", "Chargeback", "Writeoff"];

/// All projects.
#[derive(Default)]
pub(super) struct Books {
    projects: BTreeMap<String, Project>,
    /// Dead letters that name no project.
    pub(super) unattributed: DeadLetters,
    dead_letter_arrivals: u64,
}

/// One project's books.
#[derive(Default)]
pub(super) struct Project {
    /// Newest first.
    entries: VecDeque<Arc<EntryView>>,
    days: BTreeMap<(String, String), Arc<DayView>>,
    accounts: BTreeMap<(String, String, String), Balance>,
    /// Balances of single customers, only to know what a new row replaces.
    customers: HashMap<Box<[u8]>, i64>,
    customer_lines: BTreeMap<(String, String), CustomerLine>,
    points: HashMap<String, Points>,
    pub(super) pending: Pending,
    pub(super) counters: Counters,
    pub(super) dead_letters: DeadLetters,
    journal_sequence: u64,
}

/// All customers' balances in one account and currency.
struct CustomerLine {
    balance_minor: i128,
    customer_count: u64,
    minor_digits: u8,
    entry_number: u64,
}

impl Books {
    pub(super) fn apply(&mut self, update: Update) {
        match update {
            Update::Entry { project, entry } => self.project_mut(&project).push_entry(entry),
            Update::Day { project, day } => self.project_mut(&project).put_day(day),
            Update::Balance { key, balance } => {
                self.project_mut(&balance.project_id).put_balance(key, balance);
            }
            Update::Points { points } => {
                let project = self.project_mut(&points.project_id);
                project.seen(points.journal_sequence);
                project.points.insert(points.user_id.clone(), points);
            }
            Update::Pending { project, currency, day, minor } => {
                self.project_mut(&project).pending.put(currency, day, minor);
            }
            Update::DeadLetter { project, letter } => self.push_dead_letter(project, letter),
        }
    }

    pub(super) fn project_mut(&mut self, name: &str) -> &mut Project {
        // Not `entry`: it would copy the name each time.
        if !self.projects.contains_key(name) {
            self.projects.insert(name.to_owned(), Project::default());
        }
        self.projects.entry(name.to_owned()).or_default()
    }

    pub(super) fn project(&self, name: &str) -> Option<&Project> {
        self.projects.get(name)
    }

    pub(super) fn projects(&self) -> impl Iterator<Item = (&str, &Project)> {
        self.projects.iter().map(|(name, project)| (name.as_str(), project))
    }

    fn push_dead_letter(&mut self, project: Option<String>, mut letter: DeadLetter) {
        self.dead_letter_arrivals += 1;
        letter.arrival = self.dead_letter_arrivals;
        let full = self.projects.len() >= PROJECTS_FROM_DEAD_LETTERS_MAX;
        match project {
            Some(name) if !full || self.projects.contains_key(&name) => {
                self.project_mut(&name).dead_letters.push(letter);
            }
            _ => self.unattributed.push(letter),
        }
    }
}

impl Project {
    fn seen(&mut self, journal_sequence: u64) {
        self.journal_sequence = self.journal_sequence.max(journal_sequence);
    }

    fn push_entry(&mut self, entry: Arc<EntryView>) {
        // A reader that starts again shows entries again; their numbers tell.
        if entry.entry_number <= self.entry_count() {
            return;
        }
        self.seen(entry.journal_sequence);
        self.entries.truncate(ENTRIES_KEPT_MAX - 1);
        self.entries.push_front(entry);
    }

    fn put_day(&mut self, day: Arc<DayView>) {
        self.seen(day.journal_sequence);
        self.days.insert((day.economic_day.clone(), day.currency.clone()), day);
    }

    fn put_balance(&mut self, key: Box<[u8]>, balance: Balance) {
        self.seen(balance.journal_sequence);
        if !CUSTOMER_ACCOUNTS.contains(&balance.account.as_str()) {
            let row = (balance.organization.clone(), balance.account.clone(), balance.currency.clone());
            self.accounts.insert(row, balance);
            return;
        }
        let line = self.customer_lines.entry((balance.account, balance.currency)).or_insert(CustomerLine {
            balance_minor: 0,
            customer_count: 0,
            minor_digits: balance.minor_digits,
            entry_number: 0,
        });
        line.entry_number = line.entry_number.max(balance.entry_number);
        line.balance_minor += i128::from(balance.balance_minor);
        match self.customers.insert(key, balance.balance_minor) {
            Some(replaced) => line.balance_minor -= i128::from(replaced),
            None => line.customer_count += 1,
        }
    }

    /// Entry numbers start at 1 and have no gap, so the newest is their count.
    pub(super) fn entry_count(&self) -> u64 {
        self.entries.front().map_or(0, |entry| entry.entry_number)
    }

    pub(super) fn newest_entries(&self, limit: usize) -> Vec<Arc<EntryView>> {
        self.entries.iter().take(limit).cloned().collect()
    }

    pub(super) fn days_between(&self, from: Option<&str>, to: Option<&str>) -> Vec<Arc<DayView>> {
        let after_start = |day: &DayView| from.is_none_or(|from| day.economic_day.as_str() >= from);
        let before_end = |day: &DayView| to.is_none_or(|to| day.economic_day.as_str() <= to);
        self.days.values().filter(|day| after_start(day) && before_end(day)).cloned().collect()
    }

    pub(super) fn points(&self, user: &str) -> Option<PointsView> {
        self.points.get(user).map(|points| PointsView {
            user_id: points.user_id.clone(),
            pending_points: points.pending_points,
            available_points: points.available_points,
            journal_sequence: points.journal_sequence,
        })
    }

    pub(super) fn balances(&self, project: &str) -> BalancesView {
        let mut currencies: BTreeMap<&str, (u8, i128, Vec<AccountView>)> = BTreeMap::new();
        for ((organization, account, currency), row) in &self.accounts {
            let (_, sum, accounts) =
                currencies.entry(currency).or_insert_with(|| (row.minor_digits, 0, Vec::new()));
            *sum += i128::from(row.balance_minor);
            let role = if organization == project { "provider" } else { "processor" };
            accounts.push(AccountView {
                role,
                organization: Some(organization.clone()),
                customer_count: None,
                account: account.clone(),
                balance_minor: row.balance_minor.into(),
                balance: decimal(row.balance_minor.into(), row.minor_digits),
                entry_number: row.entry_number,
            });
        }
        for ((account, currency), line) in &self.customer_lines {
            let (_, sum, accounts) =
                currencies.entry(currency).or_insert_with(|| (line.minor_digits, 0, Vec::new()));
            *sum += line.balance_minor;
            accounts.push(AccountView {
                role: "customers",
                organization: None,
                customer_count: Some(line.customer_count),
                account: account.clone(),
                balance_minor: line.balance_minor,
                balance: decimal(line.balance_minor, line.minor_digits),
                entry_number: line.entry_number,
            });
        }
        let currencies: Vec<CurrencyBalancesView> = currencies
            .into_iter()
            .map(|(currency, (minor_digits, sum_minor, mut accounts))| {
                accounts.sort_by_key(AccountView::order);
                CurrencyBalancesView {
                    currency: currency.to_owned(),
                    minor_digits,
                    sum_minor,
                    sum: decimal(sum_minor, minor_digits),
                    accounts,
                }
            })
            .collect();
        BalancesView {
            journal_sequence: self.journal_sequence,
            balanced: currencies.iter().all(|currency| currency.sum_minor == 0),
            currencies,
        }
    }

    pub(super) fn unbalanced(&self, project: &str) -> Vec<Unbalanced> {
        let own =
            self.accounts.iter().map(|((_, _, currency), row)| (currency, i128::from(row.balance_minor)));
        let customers =
            self.customer_lines.iter().map(|((_, currency), line)| (currency, line.balance_minor));
        let mut sums: BTreeMap<&String, i128> = BTreeMap::new();
        for (currency, minor) in own.chain(customers) {
            *sums.entry(currency).or_default() += minor;
        }
        let broken = sums.into_iter().filter(|(_, sum)| *sum != 0);
        let tell = |(currency, sum_minor): (&String, i128)| Unbalanced {
            project: project.to_owned(),
            currency: currency.clone(),
            sum_minor,
        };
        broken.map(tell).collect()
    }

    pub(super) fn view(&self, name: &str) -> ProjectView {
        ProjectView {
            project: name.to_owned(),
            livemode: !name.ends_with("~test"),
            journal_sequence: self.journal_sequence,
            as_of: self.entries.front().map(|entry| entry.recorded_at.clone()),
            today: self.today(),
            counters: CountersView {
                accepted: self.counters.accepted,
                duplicates: self.counters.duplicates,
                entries: self.entry_count(),
                dead_letters: self.dead_letters.total(),
            },
        }
    }

    pub(super) fn overview(&self, name: &str) -> ProjectOverviewView {
        ProjectOverviewView {
            project: self.view(name),
            dead_letters: DeadLetters::view([&self.dead_letters]),
            entries: self.newest_entries(ENTRIES_IN_OVERVIEW),
            days: self.newest_days(DAYS_IN_OVERVIEW),
            balances: self.balances(name),
        }
    }

    /// The rows of the newest days, newest day first.
    fn newest_days(&self, days_max: usize) -> Vec<Arc<DayView>> {
        let days: BTreeSet<&str> = self.days.keys().map(|(day, _)| day.as_str()).collect();
        let Some(oldest) = days.into_iter().rev().take(days_max).next_back() else {
            return Vec::new();
        };
        let mut rows = self.days_between(Some(oldest), None);
        // Stable: currencies of one day stay in their order.
        rows.sort_by(|a, b| b.economic_day.cmp(&a.economic_day));
        rows
    }

    /// The newest day that has a row, with a row for every currency of the project.
    fn today(&self) -> TodayView {
        let Some(((today, _), _)) = self.days.last_key_value() else {
            return TodayView::default();
        };
        let mut newest: BTreeMap<&str, &Arc<DayView>> = BTreeMap::new();
        for ((_, currency), day) in &self.days {
            newest.insert(currency, day);
        }
        let figures = newest
            .into_values()
            .map(
                |day| {
                    if day.economic_day == *today { Arc::clone(day) } else { Arc::new(day.empty_on(today)) }
                },
            )
            .collect();
        TodayView { day: Some(today.clone()), figures, ..TodayView::default() }
    }
}
