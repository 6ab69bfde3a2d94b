//! What the queries and the page read: the latest state of the output topics, in memory.
//!
//! Nothing here computes a figure. Rows are kept as published, the last one per key; the sums that
//! are made are that of balances, which the books promise to be 0, and that of what is outstanding,
//! by age.

mod books;
mod dead_letters;
mod pending;
mod records;
mod views;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use jiff::civil::Date;
use prometheus::{IntCounterVec, Registry};

use crate::metrics::MALFORMED;
use books::{Books, Project};
pub(crate) use pending::AGES;
pub(crate) use records::TOPICS;
use records::{Malformed, Update};
pub(crate) use views::{
    BalancesView, DayView, EntryView, OverviewView, PointsView, ProjectOverviewView, ProjectView,
};

/// One record of an output topic.
#[derive(Clone, Copy, Debug)]
pub struct OutputRecord<'a> {
    /// Default name of the topic, without a configured prefix. Topics that no query reads are
    /// ignored.
    pub topic: &'a str,
    /// The record's key.
    pub key: &'a [u8],
    /// The record's value, in JSON.
    pub value: &'a [u8],
    /// The record's headers.
    pub headers: &'a [(String, Vec<u8>)],
}

/// How many charge events of a project were taken and dropped, since its books began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events that have an entry.
    pub accepted: u64,
    /// Events that came again.
    pub duplicates: u64,
}

/// Balances of a project in a currency that do not add up to 0, as far as they are seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbalanced {
    /// The project.
    pub project: String,
    /// ISO 4217 code of the currency.
    pub currency: String,
    /// What they add up to, in minor units.
    pub sum_minor: i128,
}

/// The latest state of the output topics. Each read is one consistent snapshot.
pub struct ReadModel {
    books: RwLock<Books>,
    malformed: IntCounterVec,
    warned: Mutex<BTreeSet<&'static str>>,
}

impl Default for ReadModel {
    fn default() -> Self {
        Self::new()
    }
}

impl ReadModel {
    /// An empty read model.
    #[must_use]
    pub fn new() -> Self {
        let malformed =
            IntCounterVec::new(MALFORMED.opts(), &MALFORMED.label_names()).expect("the metric name is valid");
        for topic in TOPICS {
            malformed.with_label_values(&[topic]).inc_by(0);
        }
        Self { books: RwLock::new(Books::default()), malformed, warned: Mutex::new(BTreeSet::new()) }
    }

    /// Takes one output record. A value that can't be read is counted, and left out.
    pub fn apply(&self, record: OutputRecord<'_>) {
        self.apply_batch([record]);
    }

    /// Takes the output records of one transaction at once: no read sees a part of them. Balances
    /// add up to 0 between transactions, and only there.
    pub fn apply_batch<'a>(&self, records: impl IntoIterator<Item = OutputRecord<'a>>) {
        let mut updates: Vec<Update> = Vec::new();
        for record in records {
            match records::parse(record) {
                Ok(Some(update)) => updates.push(update),
                Ok(None) => {}
                Err(malformed) => self.report(&malformed),
            }
        }
        let mut books = self.write();
        for update in updates {
            books.apply(update);
        }
    }

    /// Replaces the counters of the given projects.
    pub fn set_counters(&self, counters: BTreeMap<String, Counters>) {
        let mut books = self.write();
        for (project, counters) in counters {
            books.project_mut(&project).counters = counters;
        }
    }

    /// Projects and currencies whose balances do not add up to 0.
    pub fn unbalanced(&self) -> Vec<Unbalanced> {
        let books = self.read();
        books.projects().flat_map(|(name, project)| project.unbalanced(name)).collect()
    }

    /// What is billed and not paid, by project, currency and age on a day.
    pub(crate) fn uncleared(&self, today: Date) -> Vec<((String, String, &'static str), i64)> {
        let books = self.read();
        let of = |(name, project): (&str, &Project)| {
            let by_age: Vec<_> = project.pending.by_age(today).collect();
            let name = name.to_owned();
            by_age.into_iter().map(move |(currency, age, minor)| ((name.clone(), currency, age), minor))
        };
        books.projects().flat_map(of).collect()
    }

    pub(crate) fn register(&self, registry: &Registry) -> prometheus::Result<()> {
        registry.register(Box::new(self.malformed.clone()))
    }

    pub(crate) fn projects(&self, visible: impl Fn(&str) -> bool) -> Vec<ProjectView> {
        let books = self.read();
        books.projects().filter(|(name, _)| visible(name)).map(|(name, project)| project.view(name)).collect()
    }

    pub(crate) fn overview(&self, visible: impl Fn(&str) -> bool, with_unattributed: bool) -> OverviewView {
        views::overview(&self.read(), visible, with_unattributed)
    }

    pub(crate) fn project_overview(&self, project: &str) -> Option<ProjectOverviewView> {
        self.of(project, |books| books.overview(project))
    }

    /// Day rows from `from` to `to`, both included, oldest first.
    pub(crate) fn days(
        &self,
        project: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Option<Vec<std::sync::Arc<DayView>>> {
        self.of(project, |books| books.days_between(from, to))
    }

    /// The newest entries, newest first, and how many there are in all.
    pub(crate) fn entries(
        &self,
        project: &str,
        limit: usize,
    ) -> Option<(u64, Vec<std::sync::Arc<EntryView>>)> {
        self.of(project, |books| (books.entry_count(), books.newest_entries(limit)))
    }

    pub(crate) fn balances(&self, project: &str) -> Option<BalancesView> {
        self.of(project, |books| books.balances(project))
    }

    /// `None` for an unknown project, `Some(None)` for a user without points.
    pub(crate) fn points(&self, project: &str, user: &str) -> Option<Option<PointsView>> {
        self.of(project, |books| books.points(user))
    }

    fn of<T>(&self, project: &str, read: impl FnOnce(&Project) -> T) -> Option<T> {
        self.read().project(project).map(read)
    }

    fn report(&self, malformed: &Malformed) {
        self.malformed.with_label_values(&[malformed.topic]).inc();
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        // Once per topic: a topic in a format that isn't read here would fill the log.
        if warned.insert(malformed.topic) {
            tracing::warn!(
                topic = malformed.topic,
                problem = %malformed.problem,
                "failed to read an output record; further ones are only counted"
            );
        }
    }

    // No code panics while it holds the lock; if some did, figures that were right before it are
    // better than a page that is down.
    fn read(&self) -> RwLockReadGuard<'_, Books> {
        self.books.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Books> {
        self.books.write().unwrap_or_else(PoisonError::into_inner)
    }
}
