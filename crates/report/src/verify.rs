//! The invariants of accounting.md, section 10, over published records.
//!
//! Three passes: the entries as published ([`Verifier::entry`]), the last row of each key ([`Verifier::row`]), and a
//! replay of the journal ([`Verifier::replayed`]). What the entries alone determine is computed here a second time,
//! from postings and nothing else.
//!
//! Records of one key come in their order, those of different keys in any: that is all that a topic of several
//! partitions promises.

mod comparison;

use std::borrow::Cow;
use std::collections::BTreeMap;

use daybook_wire::output::hash;
use daybook_wire::topic::Topic;
use serde::Deserialize;

use self::comparison::{Comparison, show};
use crate::chain::{Chain, Fault};
use crate::records::{Balance, Entry, Figures, Identity, RevenueKey, is_sound};

/// Violations of one invariant that are kept with their text; all are counted.
const SHOWN_MAX: usize = 10;

/// One of the invariants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Invariant {
    /// 1: every entry balances, all balances of a currency add up to 0.
    EntriesBalance,
    /// 2: events read are accepted, duplicates or dead letters; accepted events have one primary entry.
    NothingLost,
    /// 3: balances and daily revenue are what the entries add up to.
    RowsFollowEntries,
    /// 4: entry numbers have no gap and no repeat, and each entry carries the hash of the one before.
    ChainUnbroken,
    /// 6 (with the rest of 3): replaying the journal gives the same records.
    ReplayEqual,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Invariant; 5] = [
        Invariant::EntriesBalance,
        Invariant::NothingLost,
        Invariant::RowsFollowEntries,
        Invariant::ChainUnbroken,
        Invariant::ReplayEqual,
    ];

    /// Its number in section 10 and what it says.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Invariant::EntriesBalance => "1  every entry balances, and per currency all balances add up to 0",
            Invariant::NothingLost => {
                "2  events read = accepted + duplicates + dead letters; accepted = primary entries"
            }
            Invariant::RowsFollowEntries => "3  balances and daily revenue are what the entries add up to",
            Invariant::ChainUnbroken => "4  entry numbers without gap or repeat, chained by SHA-256",
            Invariant::ReplayEqual => "6  replaying the journal gives the same records, byte for byte",
        }
    }
}

/// What was read in all, for invariant 2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Payload items and other records of `charges`; an empty envelope is one. `None` where the input is not at hand.
    pub events: Option<u64>,
    /// Of these, events that the replay of the journal accepted.
    pub accepted: u64,
    /// Of these, events that the replay found to be duplicates.
    pub duplicates: u64,
    /// Of these, records of `charges.dlq`.
    pub dead_letters: u64,
    /// Events that the replay accepted, those included that are newer than the ones read.
    pub accepted_in_all: u64,
    /// Primary entries that a replay gives to payments assumed by time.
    pub clearings: u64,
    /// Whether some of the events read may not be in the journal or refused yet: then it is no violation that more
    /// are read than have ended.
    pub may_be_under_way: bool,
}

/// Whose points a record of `rewards.points` is about.
#[derive(Deserialize)]
struct PointsOf<'a> {
    #[serde(borrow)]
    project_id: Cow<'a, str>,
    #[serde(borrow)]
    user_id: Cow<'a, str>,
}

/// Collects records and violations.
#[derive(Default)]
pub struct Verifier {
    chains: BTreeMap<String, Chain>,
    entries: u64,
    primary_entries: u64,
    balances: BTreeMap<[String; 4], i128>,
    days: BTreeMap<[String; 3], Figures>,
    /// Net amount that an event whose meaning may come or go has moved, and the column that counts it.
    countable: BTreeMap<(String, Identity), i128>,
    /// Sum of all published balances per currency; `None` where one of them is left out.
    sums: BTreeMap<String, Option<i128>>,
    comparison: Comparison,
    violations: BTreeMap<Invariant, (u64, Vec<String>)>,
}

/// What came out for an invariant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// Which one.
    pub invariant: Invariant,
    /// How often it is broken.
    pub violations: u64,
    /// The first violations.
    pub shown: Vec<String>,
    /// What could not be checked of it.
    pub reservation: Option<String>,
}

/// What came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// All invariants.
    pub invariants: Vec<Checked>,
    /// Entries that were checked.
    pub entries: u64,
}

impl Outcome {
    /// Whether all hold.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.invariants.iter().all(|checked| checked.violations == 0)
    }
}

impl Verifier {
    fn violated(&mut self, invariant: Invariant, what: String) {
        let (count, shown) = self.violations.entry(invariant).or_default();
        *count += 1;
        if shown.len() < SHOWN_MAX {
            shown.push(what);
        }
    }

    /// Takes a record of `ledger.entries`, in the order of its key.
    pub fn entry(&mut self, key: &[u8], value: &[u8]) {
        let value_hash = hash(value);
        self.entries += 1;
        self.comparison.publish(Topic::LedgerEntries, key, value_hash);
        let entry: Entry = match serde_json::from_slice(value) {
            Ok(entry) => entry,
            Err(e) => return self.violated(Invariant::ChainUnbroken, format!("an entry can't be read: {e}")),
        };
        if key != entry.project_id.as_bytes() {
            let what = format!(
                "ledger.entries: entry {} of {} has the key {}",
                entry.entry_number,
                entry.project_id,
                show(key)
            );
            self.violated(Invariant::ReplayEqual, what);
        }
        self.chain(&entry, value_hash);
        self.primary_entries += u64::from(entry.kind != "adjustment");
        for posting in &entry.postings {
            if !is_sound(posting.amount_minor, [&posting.orig_account, &posting.dest_account]) {
                let what = format!(
                    "entry {} of {}: a posting of {} between {} and {}",
                    entry.entry_number,
                    entry.project_id,
                    posting.amount_minor,
                    posting.orig_account,
                    posting.dest_account
                );
                self.violated(Invariant::EntriesBalance, what);
            }
            let amount = i128::from(posting.amount_minor);
            for (organization, account, amount) in [
                (&posting.orig_organization, &posting.orig_account, -amount),
                (&posting.dest_organization, &posting.dest_account, amount),
            ] {
                let key = [&entry.project_id, organization, account, &entry.currency].map(Clone::clone);
                *self.balances.entry(key).or_default() += amount;
            }
        }
        self.day(&entry);
    }

    fn chain(&mut self, entry: &Entry, value_hash: [u8; 32]) {
        let (project, number) = (&entry.project_id, entry.entry_number);
        let chain = self.chains.entry(project.clone()).or_default();
        for fault in chain.take(number, &entry.previous_hash, value_hash) {
            let what = match fault {
                Fault::Number { expected } => {
                    format!("{project}: entry {number} stands where {expected} belongs")
                }
                Fault::Hash => {
                    format!("{project}: entry {number} does not carry the hash of the entry before it")
                }
            };
            self.violated(Invariant::ChainUnbroken, what);
        }
    }

    /// What an entry adds to its day, from its postings alone (section 7).
    fn day(&mut self, entry: &Entry) {
        let mut figures = Figures::default();
        for posting in &entry.postings {
            let amount = i128::from(posting.amount_minor);
            // A movement one way adds what the movement back takes away.
            let pair = (posting.orig_account.as_str(), posting.dest_account.as_str());
            match pair {
                ("Payable", "Assets") => figures.gross_sales_minor += amount,
                ("Assets", "Payable") => figures.gross_sales_minor -= amount,
                ("Payable", "Income") if posting.dest_organization != posting.provider => {
                    figures.gross_sales_minor += amount;
                    figures.platform_fees_minor += amount;
                }
                ("Income", "Payable") if posting.orig_organization != posting.provider => {
                    figures.gross_sales_minor -= amount;
                    figures.platform_fees_minor -= amount;
                }
                ("Assets", "Income") => figures.platform_fees_minor += amount,
                ("Income", "Assets") => figures.platform_fees_minor -= amount,
                ("Assets", "Refund") => figures.refunds_minor += amount,
                ("Refund", "Assets") => figures.refunds_minor -= amount,
                ("Assets", "Chargeback") => figures.chargebacks_minor += amount,
                ("Chargeback", "Assets") => figures.chargebacks_minor -= amount,
                _ => {}
            }
        }
        match entry.kind.as_str() {
            "refund" => figures.refund_count = 1,
            "chargeback" => figures.chargeback_count = 1,
            "payment" if !is_clearing(entry) => figures.transaction_count = 1,
            _ if is_clearing(entry) => {
                figures.transaction_count = self.moved(entry, figures.gross_sales_minor);
            }
            "refund_rest" => figures.refund_count = self.moved(entry, figures.refunds_minor),
            "adjustment"
                if self.countable.contains_key(&(entry.project_id.clone(), entry.identity.clone())) =>
            {
                figures.refund_count = self.moved(entry, figures.refunds_minor);
            }
            _ => {}
        }
        let key = [&entry.project_id, &entry.economic_day, &entry.currency].map(Clone::clone);
        let day = self.days.entry(key).or_default();
        day.gross_sales_minor += figures.gross_sales_minor;
        day.refunds_minor += figures.refunds_minor;
        day.chargebacks_minor += figures.chargebacks_minor;
        day.platform_fees_minor += figures.platform_fees_minor;
        day.transaction_count += figures.transaction_count;
        day.refund_count += figures.refund_count;
        day.chargeback_count += figures.chargeback_count;
    }

    /// Change of the count of an event that counts only while it moves money.
    fn moved(&mut self, entry: &Entry, amount: i128) -> i64 {
        let net = self.countable.entry((entry.project_id.clone(), entry.identity.clone())).or_default();
        let before = i64::from(*net != 0);
        *net += amount;
        i64::from(*net != 0) - before
    }

    /// Takes a record of `rewards.points`, in the order of its key.
    pub fn points(&mut self, key: &[u8], value: &[u8]) {
        self.comparison.publish(Topic::RewardsPoints, key, hash(value));
        match serde_json::from_slice::<PointsOf<'_>>(value) {
            Ok(PointsOf { project_id, user_id }) => {
                let expected = format!("{project_id}/{user_id}");
                if key != expected.as_bytes() {
                    let what = format!("rewards.points: points of {expected} have the key {}", show(key));
                    self.violated(Invariant::ReplayEqual, what);
                }
            }
            Err(e) => self.violated(Invariant::ReplayEqual, format!("points can't be read: {e}")),
        }
    }

    /// Takes a record of `revenue.allocations`, in the order of its key.
    pub fn allocation(&mut self, key: &[u8], value: &[u8]) {
        self.comparison.publish(Topic::RevenueAllocations, key, hash(value));
    }

    /// Takes the last row of a key of a compacted topic.
    pub fn row(&mut self, topic: Topic, key: &[u8], value: &[u8]) {
        self.comparison.publish_row(topic, key, value);
        match topic {
            Topic::AccountsBalances => match serde_json::from_slice(value) {
                Ok(row) => self.balance(row),
                Err(e) => {
                    self.violated(Invariant::RowsFollowEntries, format!("a balance can't be read: {e}"))
                }
            },
            Topic::RevenueDaily => match read_revenue(value) {
                Ok((row, figures)) => self.revenue(row, figures),
                Err(e) => self.violated(Invariant::RowsFollowEntries, format!("a day can't be read: {e}")),
            },
            _ => {}
        }
    }

    fn balance(&mut self, row: Balance) {
        if let Some(sum) = self.sums.entry(row.currency.clone()).or_insert(Some(0)) {
            *sum += row.balance_minor;
        }
        let key = [row.project_id, row.organization, row.account, row.currency];
        let computed = self.balances.remove(&key).unwrap_or(0);
        if computed != row.balance_minor {
            let what = format!(
                "balance of {} is published as {}, its entries add up to {computed}",
                key.join("/"),
                row.balance_minor
            );
            self.violated(Invariant::RowsFollowEntries, what);
        }
    }

    fn revenue(&mut self, row: RevenueKey, figures: Figures) {
        let key = [row.project_id, row.economic_day, row.currency];
        let mut computed = self.days.remove(&key).unwrap_or_default();
        computed.gross_revenue_minor =
            computed.gross_sales_minor - computed.refunds_minor - computed.chargebacks_minor;
        computed.net_revenue_minor = computed.gross_revenue_minor - computed.platform_fees_minor;
        if computed != figures {
            let what = format!(
                "revenue of {} is published as {figures:?}, its entries add up to {computed:?}",
                key.join("/")
            );
            self.violated(Invariant::RowsFollowEntries, what);
        }
    }

    /// Takes the last row of a key that is newer than the entries that are looked at: it is left out.
    pub fn row_moved_on(&mut self, topic: Topic, key: &[u8], value: &[u8]) {
        self.comparison.leave_out_row(topic, key);
        match topic {
            Topic::AccountsBalances => {
                if let Ok(row) = serde_json::from_slice::<Balance>(value) {
                    self.sums.insert(row.currency.clone(), None);
                    self.balances.remove(&[row.project_id, row.organization, row.account, row.currency]);
                }
            }
            Topic::RevenueDaily => {
                if let Ok((row, _)) = read_revenue(value) {
                    self.days.remove(&[row.project_id, row.economic_day, row.currency]);
                }
            }
            _ => {}
        }
    }

    /// Ends the first two passes: sums, and rows that should have been there.
    ///
    /// Of `outputs` alone anything was published.
    pub fn end_of_published(&mut self, outputs: &[Topic]) {
        if !outputs.contains(&Topic::AccountsBalances) {
            self.balances.clear();
        }
        if !outputs.contains(&Topic::RevenueDaily) {
            self.days.clear();
        }
        for (currency, sum) in std::mem::take(&mut self.sums) {
            if let Some(sum) = sum.filter(|sum| *sum != 0) {
                let what = format!("all balances in {currency} add up to {sum} instead of 0");
                self.violated(Invariant::EntriesBalance, what);
            }
        }
        for (key, balance) in std::mem::take(&mut self.balances).into_iter().filter(|(_, b)| *b != 0) {
            let what = format!("balance of {} is {balance} by its entries, but has no row", key.join("/"));
            self.violated(Invariant::RowsFollowEntries, what);
        }
        for (key, figures) in std::mem::take(&mut self.days) {
            // A row of zeros says the same as no row.
            if figures != Figures::default() {
                let what = format!("{} has entries, but no row of daily revenue", key.join("/"));
                self.violated(Invariant::RowsFollowEntries, what);
            }
        }
    }

    /// Takes a record that a replay of the journal gives, in the order of its key.
    pub fn replayed(&mut self, topic: Topic, key: &[u8], value: &[u8]) {
        if let Some(what) = self.comparison.replay(topic, key, value) {
            self.violated(Invariant::ReplayEqual, what);
        }
    }

    /// Ends the replay and says what came out.
    #[must_use]
    pub fn conclude(mut self, read: Read) -> Outcome {
        for what in std::mem::take(&mut self.comparison).left_over() {
            self.violated(Invariant::ReplayEqual, what);
        }
        let reservation = self.nothing_lost(read);
        let Self { entries, mut violations, .. } = self;
        let invariants = Invariant::ALL
            .into_iter()
            .map(|invariant| {
                let (violations, shown) = violations.remove(&invariant).unwrap_or_default();
                let reservation = reservation.clone().filter(|_| invariant == Invariant::NothingLost);
                Checked { invariant, violations, shown, reservation }
            })
            .collect();
        Outcome { invariants, entries }
    }

    /// Invariant 2; what could not be checked of it.
    fn nothing_lost(&mut self, read: Read) -> Option<String> {
        let mut reservation = None;
        let ended = read.accepted + read.duplicates + read.dead_letters;
        match read.events {
            Some(events) if events > ended && read.may_be_under_way => {
                reservation = Some(format!(
                    "first half not checked: {} of {events} events read are under way or lost; verify again while \
                     nothing moves",
                    events - ended
                ));
            }
            Some(events) if events != ended => {
                let what = format!(
                    "{events} events read, but {} accepted + {} duplicates + {} dead letters = {ended}",
                    read.accepted, read.duplicates, read.dead_letters
                );
                self.violated(Invariant::NothingLost, what);
            }
            _ => {}
        }
        if self.primary_entries != read.accepted_in_all + read.clearings {
            let what = format!(
                "{} events accepted, {} clearings by time, {} primary entries",
                read.accepted_in_all, read.clearings, self.primary_entries
            );
            self.violated(Invariant::NothingLost, what);
        }
        reservation
    }
}

fn read_revenue(value: &[u8]) -> serde_json::Result<(RevenueKey, Figures)> {
    Ok((serde_json::from_slice(value)?, serde_json::from_slice(value)?))
}

/// Whether an entry may be of a payment that time assumes: whether it moves anything decides whether it counts, which is
/// right for a payment that was sent under such an id as well.
fn is_clearing(entry: &Entry) -> bool {
    entry.identity.event_id.ends_with(daybook_core::derive::CLEARS_SUFFIX)
}
