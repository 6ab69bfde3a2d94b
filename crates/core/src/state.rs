//! The projector's state: a cache of what the journal says so far.
//!
//! ```text
//! State
//!   Books            one per project
//!     head             sequence, journal time, settings, source positions, counts
//!     charges          by ChargeKey
//!     identities       which charge an identity belongs to
//!     spend            versions of spend events
//!     organizations    balances of six accounts per currency, points, figures as a customer
//!     days, months     figures that rows are published of
//!     allocations      totals of partners per day
//!     due              pendings by the time they clear
//! ```
//!
//! Values are read from a [`Store`] when first needed and kept until [`State::forget_clean`]. What a batch
//! changes is marked, handed out by [`State::changes`] and [`State::rows`], and unmarked by [`State::settle`].
//! An abort drops the whole `State`: the store behind it holds what was committed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::calendar::{Day, Month};
use crate::charge::{Charge, ChargeKey};
use crate::daily::{AllocationRow, DayRow, MonthRow, Stamp};
use crate::event::{Identity, SourcePosition};
use crate::money::Currency;
use crate::name::Name;
use crate::organization::{AccountBalance, ClientProfile, Organization, PointsBalance};
use crate::rejection::Reason;
use crate::settings::Settings;
use crate::spend::Spend;
use crate::splits::PartnerKey;
use crate::table::Table;

/// What is known of a project as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// Journal records so far.
    pub journal_sequence: u64,
    /// Largest recorded time so far, Unix milliseconds: the journal's time (3.2). `None` before the first record.
    pub journal_time_ms: Option<i64>,
    /// Entries so far: the number of the last one.
    pub entry_number: u64,
    /// SHA-256 of the last entry's canonical JSON; zeros before the first (invariant 4).
    pub previous_hash: [u8; 32],
    /// All settings that were ever in force, the default first; the last are in force.
    pub settings: Arc<Vec<Arc<Settings>>>,
    /// Highest position seen per source partition, sorted by topic and partition.
    pub sources: Vec<SourcePosition>,
    /// What the horizon had dropped when it was lengthened: charges up to that sequence that were last recorded
    /// before that time stay dropped.
    pub dropped: Vec<(u64, i64)>,
    /// Charge events in the books.
    pub accepted: u64,
    /// Spend events in the books, each version one.
    pub accepted_spend: u64,
    /// Charge events that were in the books already.
    pub duplicates: u64,
    /// Charge events that the projector refused, by reason.
    pub refused: BTreeMap<Reason, u64>,
    /// Records that intake appended twice.
    pub already_seen: u64,
}

impl Head {
    /// The settings in force.
    #[must_use]
    pub fn settings_in_force(&self) -> Option<&Arc<Settings>> {
        self.settings.last()
    }

    /// Whether the horizon has left in the books what was last recorded then: it drops a charge or spend event when the
    /// journal's time has passed its last event's recorded time by more than the horizon (5.3).
    #[must_use]
    pub fn is_live(&self, recorded_at_ms: i64, journal_sequence: u64) -> bool {
        let horizon = self.settings_in_force().map_or(i64::MAX, |s| s.dedupe_horizon_ms);
        let passed = self.journal_time_ms.is_some_and(|t| t.saturating_sub(recorded_at_ms) > horizon);
        let stays_dropped =
            |(sequence, before): &(u64, i64)| journal_sequence <= *sequence && recorded_at_ms < *before;
        !passed && !self.dropped.iter().any(stays_dropped)
    }
}

/// Where the state is read from: a projection of the journal up to some position.
pub trait Store {
    /// Why a value could not be read.
    type Error;
    /// Reads a project's head.
    ///
    /// # Errors
    /// Where the store can't be read; the same for all that follow.
    fn head(&self, project: &Name) -> Result<Option<Head>, Self::Error>;
    /// Reads a charge.
    #[allow(clippy::missing_errors_doc)]
    fn charge(&self, project: &Name, key: &ChargeKey) -> Result<Option<Charge>, Self::Error>;
    /// Reads which charge an identity belongs to.
    #[allow(clippy::missing_errors_doc)]
    fn identity(&self, project: &Name, identity: &Identity) -> Result<Option<ChargeKey>, Self::Error>;
    /// Reads an organization.
    #[allow(clippy::missing_errors_doc)]
    fn organization(&self, project: &Name, name: &Name) -> Result<Option<Organization>, Self::Error>;
    /// Reads a day's row.
    #[allow(clippy::missing_errors_doc)]
    fn day(&self, project: &Name, key: &(Day, Currency)) -> Result<Option<DayRow>, Self::Error>;
    /// Reads a month's row.
    #[allow(clippy::missing_errors_doc)]
    fn month(&self, project: &Name, key: &(Month, Currency)) -> Result<Option<MonthRow>, Self::Error>;
    /// Reads what a day has allocated to a partner.
    #[allow(clippy::missing_errors_doc)]
    fn allocation(&self, project: &Name, key: &AllocationKey) -> Result<Option<AllocationRow>, Self::Error>;
    /// Reads the versions of a spend event.
    #[allow(clippy::missing_errors_doc)]
    fn spend(&self, project: &Name, event_id: &Name) -> Result<Option<Spend>, Self::Error>;
    /// Reads all pendings that are to clear.
    #[allow(clippy::missing_errors_doc)]
    fn due(&self, project: &Name) -> Result<Vec<(i64, ChargeKey)>, Self::Error>;
}

/// A store that holds nothing: all state is in memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStore;

impl Store for NoStore {
    type Error = std::convert::Infallible;
    fn head(&self, _: &Name) -> Result<Option<Head>, Self::Error> {
        Ok(None)
    }
    fn charge(&self, _: &Name, _: &ChargeKey) -> Result<Option<Charge>, Self::Error> {
        Ok(None)
    }
    fn identity(&self, _: &Name, _: &Identity) -> Result<Option<ChargeKey>, Self::Error> {
        Ok(None)
    }
    fn organization(&self, _: &Name, _: &Name) -> Result<Option<Organization>, Self::Error> {
        Ok(None)
    }
    fn day(&self, _: &Name, _: &(Day, Currency)) -> Result<Option<DayRow>, Self::Error> {
        Ok(None)
    }
    fn month(&self, _: &Name, _: &(Month, Currency)) -> Result<Option<MonthRow>, Self::Error> {
        Ok(None)
    }
    fn allocation(&self, _: &Name, _: &AllocationKey) -> Result<Option<AllocationRow>, Self::Error> {
        Ok(None)
    }
    fn spend(&self, _: &Name, _: &Name) -> Result<Option<Spend>, Self::Error> {
        Ok(None)
    }
    fn due(&self, _: &Name) -> Result<Vec<(i64, ChargeKey)>, Self::Error> {
        Ok(Vec::new())
    }
}

/// What a partner is allocated on a day.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AllocationKey {
    /// The day.
    pub day: Day,
    /// The currency.
    pub currency: Currency,
    /// The partner.
    pub partner: PartnerKey,
}

/// The books of one project.
#[derive(Clone, Debug, Default)]
pub struct Books {
    pub(crate) head: Head,
    head_changed: bool,
    /// Boxed: moving a charge when its table grows would cost more than the projector itself.
    pub(crate) charges: Table<ChargeKey, Box<Charge>>,
    pub(crate) identities: Table<Identity, ChargeKey>,
    pub(crate) organizations: Table<Name, Organization>,
    pub(crate) days: Table<(Day, Currency), DayRow>,
    pub(crate) months: Table<(Month, Currency), MonthRow>,
    pub(crate) allocations: Table<AllocationKey, AllocationRow>,
    pub(crate) spend: Table<Name, Spend>,
    due: BTreeSet<(i64, ChargeKey)>,
    due_changes: Vec<(i64, ChargeKey, bool)>,
}

impl Books {
    /// The project's head.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// When the first pending is to clear, Unix milliseconds.
    #[must_use]
    pub fn next_due_ms(&self) -> Option<i64> {
        self.due.first().map(|(at, _)| *at)
    }

    pub(crate) fn add_due(&mut self, at_ms: i64, key: ChargeKey) {
        if self.due.insert((at_ms, key.clone())) {
            self.due_changes.push((at_ms, key, true));
        }
    }

    /// Takes the first charge that is due by `time_ms`.
    pub(crate) fn take_due(&mut self, time_ms: i64) -> Option<ChargeKey> {
        if self.due.first()?.0 > time_ms {
            return None;
        }
        let (at_ms, key) = self.due.pop_first()?;
        self.due_changes.push((at_ms, key.clone(), false));
        Some(key)
    }
}

/// A value that a batch has changed, for the state store.
#[derive(Debug)]
pub enum Change<'a> {
    /// A project's head.
    Head(&'a Head),
    /// A charge.
    Charge(&'a ChargeKey, &'a Charge),
    /// An identity's charge.
    Identity(&'a Identity, &'a ChargeKey),
    /// An organization.
    Organization(&'a Name, &'a Organization),
    /// A day's row.
    Day(&'a (Day, Currency), &'a DayRow),
    /// A month's row.
    Month(&'a (Month, Currency), &'a MonthRow),
    /// What a day has allocated to a partner.
    Allocation(&'a AllocationKey, &'a AllocationRow),
    /// The versions of a spend event.
    Spend(&'a Name, &'a Spend),
    /// A pending that is to clear (`true`) or no longer is.
    Due(i64, &'a ChargeKey, bool),
}

/// A row that a batch has changed, for the compacted output topics.
#[derive(Debug)]
pub enum Row<'a> {
    /// Of one of the topics by day.
    Day {
        /// Which of them.
        view: DayView,
        /// The day.
        day: Day,
        /// The currency.
        currency: Currency,
        /// The figures.
        row: &'a DayRow,
    },
    /// Of `profit.monthly`.
    Month {
        /// The month.
        month: Month,
        /// The currency.
        currency: Currency,
        /// The figures.
        row: &'a MonthRow,
    },
    /// Of `allocations.daily`.
    Allocation {
        /// Day, currency and partner.
        key: &'a AllocationKey,
        /// The total.
        row: &'a AllocationRow,
    },
    /// Of `customers.profile`.
    Customer {
        /// The customer.
        organization: &'a Name,
        /// The figures.
        profile: ClientProfile,
    },
    /// Of `accounts.balances`.
    Balance {
        /// Whose account.
        organization: &'a Name,
        /// The balance.
        balance: &'a AccountBalance,
    },
    /// Of `rewards.balances`.
    Points {
        /// Whose points.
        user: &'a Name,
        /// The points.
        balance: &'a PointsBalance,
    },
}

/// A topic of rows by day and currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DayView {
    /// `revenue.daily`.
    Revenue,
    /// `spend.daily`.
    Spend,
    /// `profit.daily`.
    Profit,
    /// `owner-profit.daily`.
    OwnerProfit,
    /// `kpis.daily`.
    Kpis,
}

impl DayView {
    /// All of them.
    pub const ALL: [DayView; 5] =
        [DayView::Revenue, DayView::Spend, DayView::Profit, DayView::OwnerProfit, DayView::Kpis];

    /// What has touched its row.
    #[must_use]
    pub fn stamp(self, row: &DayRow) -> Stamp {
        match self {
            DayView::Revenue => row.revenue,
            DayView::Spend => row.spend,
            DayView::Profit => row.profit,
            DayView::OwnerProfit => row.owner_profit,
            DayView::Kpis => row.kpi,
        }
    }
}

/// Everything that the projector knows.
#[derive(Debug, Default)]
pub struct State<S> {
    pub(crate) store: S,
    books: BTreeMap<Name, Books>,
    volatile: bool,
    #[cfg(feature = "negative-controls")]
    pub(crate) controls: Controls,
}

/// Ways to break the projector on purpose: the suite must notice each of them.
#[cfg(feature = "negative-controls")]
#[derive(Clone, Copy, Debug, Default)]
pub struct Controls {
    /// Accept every event, whatever its identity.
    pub no_dedupe: bool,
    /// Take a record that intake appended twice for two.
    pub no_source_positions: bool,
}

impl State<NoStore> {
    /// A state that is all there is: no store takes over its changes, so [`State::changes`] leaves out charges and
    /// identities, and a run over millions of events need not remember which they were.
    #[must_use]
    pub fn volatile() -> Self {
        Self { volatile: true, ..Self::new(NoStore) }
    }
}

impl<S: Store> State<S> {
    /// A state that reads from `store`.
    pub fn new(store: S) -> Self {
        Self {
            store,
            books: BTreeMap::new(),
            volatile: false,
            #[cfg(feature = "negative-controls")]
            controls: Controls::default(),
        }
    }

    /// Breaks the projector on purpose.
    #[cfg(feature = "negative-controls")]
    pub fn set_controls(&mut self, controls: Controls) {
        self.controls = controls;
    }

    /// The store behind it.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The books of a project, opened where they are not yet.
    ///
    /// # Errors
    /// Where the store can't be read.
    pub fn open(&mut self, project: &Name) -> Result<(&mut Books, &S), S::Error> {
        if !self.books.contains_key(project) {
            let mut head = self.store.head(project)?.unwrap_or_default();
            if head.settings.is_empty() {
                head.settings = Arc::new(vec![Arc::new(Settings::default())]);
            }
            let due = self.store.due(project)?.into_iter().collect();
            let books = Books {
                head,
                due,
                charges: Table::untracked(self.volatile),
                identities: Table::untracked(self.volatile),
                spend: Table::untracked(self.volatile),
                ..Books::default()
            };
            self.books.insert(project.clone(), books);
        }
        let books = self.books.entry(project.clone()).or_default();
        Ok((books, &self.store))
    }

    /// The books that are open, by project.
    pub fn books(&self) -> impl Iterator<Item = (&Name, &Books)> {
        self.books.iter()
    }

    /// The hash of a project's last entry; zeros before its first.
    pub fn previous_hash(&self, project: &Name) -> [u8; 32] {
        self.books.get(project).map(|b| b.head.previous_hash).unwrap_or_default()
    }

    /// Notes the hash of a project's last entry. Whoever encodes the entry knows it.
    pub fn set_previous_hash(&mut self, project: &Name, hash: [u8; 32]) {
        if let Some(books) = self.books.get_mut(project) {
            books.head.previous_hash = hash;
        }
    }

    /// What the batch under way has changed, for the state store.
    pub fn changes(&self) -> impl Iterator<Item = (&Name, Change<'_>)> {
        self.books.iter().filter(|(_, b)| b.head_changed).flat_map(|(project, books)| {
            let head = std::iter::once(Change::Head(&books.head));
            let charges = books.charges.changes().map(|(k, v)| Change::Charge(k, v));
            let identities = books.identities.changes().map(|(k, v)| Change::Identity(k, v));
            let organizations = books.organizations.changes().map(|(k, v)| Change::Organization(k, v));
            let days = books.days.changes().map(|(k, v)| Change::Day(k, v));
            let months = books.months.changes().map(|(k, v)| Change::Month(k, v));
            let allocations = books.allocations.changes().map(|(k, v)| Change::Allocation(k, v));
            let spend = books.spend.changes().map(|(k, v)| Change::Spend(k, v));
            let due = books.due_changes.iter().map(|(at, key, add)| Change::Due(*at, key, *add));
            let all = head.chain(charges).chain(identities).chain(organizations).chain(days);
            let all = all.chain(months).chain(allocations).chain(spend).chain(due);
            all.map(move |change| (project, change))
        })
    }

    /// What the batch under way has changed, for the compacted topics. `since` gives the journal sequence at which
    /// the batch began for a project: rows that were touched before only are left out.
    pub fn rows<'a>(&'a self, since: &'a BTreeMap<Name, u64>) -> impl Iterator<Item = (&'a Name, Row<'a>)> {
        self.books.iter().filter(|(_, b)| b.head_changed).flat_map(move |(project, books)| {
            let since = since.get(project).copied().unwrap_or(0);
            let days = books.days.changes().flat_map(move |((day, currency), row)| {
                let fresh = DayView::ALL.into_iter().filter(move |v| v.stamp(row).journal_sequence > since);
                fresh.map(move |view| Row::Day { view, day: *day, currency: *currency, row })
            });
            let months = books.months.changes().filter(move |(_, row)| row.profit.journal_sequence > since);
            let months =
                months.map(|((month, currency), row)| Row::Month { month: *month, currency: *currency, row });
            let allocations = books.allocations.changes().map(|(key, row)| Row::Allocation { key, row });
            let organizations = books.organizations.changes().flat_map(move |(organization, value)| {
                let fresh = value.accounts.iter().filter(move |a| a.journal_sequence > since);
                let balances = fresh.map(move |balance| Row::Balance { organization, balance });
                let points = value.points.as_ref().filter(|p| p.journal_sequence > since);
                let profiles = value.client_profiles().filter(move |p| p.journal_sequence > since);
                let profiles = profiles.map(move |profile| Row::Customer { organization, profile });
                let points = points.map(move |balance| Row::Points { user: organization, balance });
                balances.chain(profiles).chain(points)
            });
            days.chain(months).chain(allocations).chain(organizations).map(move |row| (project, row))
        })
    }

    /// Marks everything as unchanged: the batch is done.
    pub fn settle(&mut self) {
        for books in self.books.values_mut() {
            books.head_changed = false;
            books.charges.settle();
            books.identities.settle();
            books.organizations.settle();
            books.days.settle();
            books.months.settle();
            books.allocations.settle();
            books.spend.settle();
            books.due_changes.clear();
        }
    }

    /// Bounds the memory to some `keep_max` organizations and days of each project, and a quarter as many
    /// charges and identities: an event seldom comes back to its charge. Only between batches, and only where the store
    /// has all that was settled.
    pub fn forget_clean(&mut self, keep_max: usize) {
        for books in self.books.values_mut() {
            books.charges.forget_clean(keep_max / 4);
            books.identities.forget_clean(keep_max / 4);
            books.organizations.forget_clean(keep_max);
            books.days.forget_clean(keep_max);
            books.months.forget_clean(keep_max);
            books.allocations.forget_clean(keep_max);
            books.spend.forget_clean(keep_max / 4);
        }
    }
}

impl Books {
    pub(crate) fn touch(&mut self) {
        self.head_changed = true;
    }
}
