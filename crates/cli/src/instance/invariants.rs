//! Looks at published records as the follower reads them back, whether they keep the books' invariants.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use daybook_report::watch::{EntryWatch, Watched};
use daybook_server::{ReadModel, Unbalanced};
use daybook_stream::log::LogError;

use crate::metrics::InvariantMetrics;

/// How often balances are added up.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Sums of all balances in minor units, by project and currency.
pub type Sums = BTreeMap<(String, String), i128>;

/// How balances that do not add up are looked at again, where the rows of a transaction come one after the other.
pub struct Again<'a> {
    /// For how long they must have been out by the same.
    pub after: Duration,
    /// Adds up anew all that is published when it is called.
    pub sums: &'a dyn Fn() -> Result<Sums, LogError>,
}

/// What is known of books that are out of balance by one and the same sum at every look: halves of transactions come and go,
/// what is wrong stays.
struct Suspect {
    sum_minor: i128,
    since: Instant,
    confirmed: bool,
    told: bool,
}

/// Counts and logs what is broken.
pub struct Invariants {
    metrics: InvariantMetrics,
    entries: EntryWatch,
    suspects: BTreeMap<(String, String), Suspect>,
    looked: Option<Instant>,
}

impl Invariants {
    /// Nothing seen yet.
    pub fn new(metrics: InvariantMetrics) -> Self {
        Self { metrics, entries: EntryWatch::default(), suspects: BTreeMap::new(), looked: None }
    }

    fn failed(&self, invariant: Watched) {
        self.metrics.failures.with_label_values(&[invariant.name()]).inc();
    }

    /// Takes a record of `ledger.entries`, in the order of its key.
    pub fn entry(&mut self, key: &[u8], value: &[u8]) {
        // What is no entry is counted by the read model.
        let Ok(failures) = self.entries.entry(key, value) else { return };
        self.metrics.checked.inc();
        for failure in failures {
            self.failed(failure.invariant);
            tracing::error!(
                invariant = failure.invariant.name(),
                project = failure.project,
                entry_number = failure.entry_number,
                "an entry breaks an invariant of the books: docs/runbooks/DaybookInvariantFailure.md"
            );
        }
    }

    /// Looks at the balances, now and then. Without `again`, what is read is whole transactions, and counts at once.
    pub fn balances(&mut self, books: &ReadModel, again: Option<Again<'_>>) {
        if self.looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
            self.look(&books.unbalanced(), again);
            self.looked = Some(Instant::now());
        }
    }

    fn look(&mut self, unbalanced: &[Unbalanced], again: Option<Again<'_>>) {
        let key = |books: &Unbalanced| (books.project.clone(), books.currency.clone());
        let mut suspects = BTreeMap::new();
        for books in unbalanced {
            let known = self.suspects.remove(&key(books)).filter(|s| s.sum_minor == books.sum_minor);
            let new = || Suspect {
                sum_minor: books.sum_minor,
                since: Instant::now(),
                confirmed: again.is_none(),
                told: false,
            };
            suspects.insert(key(books), known.unwrap_or_else(new));
        }
        self.suspects = suspects;
        let after = again.as_ref().map_or(Duration::ZERO, |again| again.after);
        let ripe = |s: &Suspect| !s.told && s.since.elapsed() >= after;
        let mut found = Vec::new();
        for books in unbalanced {
            if let Some(suspect) = self.suspects.get_mut(&key(books)).filter(|s| ripe(s) && s.confirmed) {
                suspect.told = true;
                found.push(books);
            }
        }
        for books in found {
            self.failed(Watched::Balances);
            tracing::error!(
                invariant = Watched::Balances.name(),
                project = books.project,
                currency = books.currency,
                sum_minor = %books.sum_minor,
                "balances do not add up to 0: docs/runbooks/DaybookInvariantFailure.md"
            );
        }
        if let Some(again) = again
            && self.suspects.values().any(|s| ripe(s) && !s.confirmed)
        {
            match (again.sums)() {
                Ok(sums) => {
                    for books in unbalanced {
                        let same = sums.get(&key(books)) == Some(&books.sum_minor);
                        let suspect = self.suspects.get_mut(&key(books));
                        if let Some(suspect) = suspect.filter(|s| ripe(s) && !s.confirmed) {
                            // What was added up may be half of a transaction that is yet to come here: it counts at a
                            // later look, where nothing has come.
                            (suspect.confirmed, suspect.since) = (same, Instant::now());
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "balances that do not add up can't be looked at again yet")
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use daybook_report::watch::Watched;
    use daybook_server::{OutputRecord, ReadModel};
    use prometheus::Registry;

    use super::{Again, Invariants, Sums};
    use crate::metrics;

    fn put(books: &ReadModel, account: &str, minor: i64) {
        let key = format!("shop/shop/{account}/USD");
        let value = format!(
            r#"{{"project_id":"shop","organization":"shop","account":"{account}","currency":"USD","minor_digits":2,
            "balance_minor":{minor},"entry_number":1,"journal_sequence":1}}"#
        );
        books.apply(OutputRecord {
            topic: "accounts.balances",
            key: key.as_bytes(),
            value: value.as_bytes(),
            headers: &[],
        });
    }

    fn sums(minor: i128) -> Sums {
        Sums::from([(("shop".to_owned(), "USD".to_owned()), minor)])
    }

    struct Rig {
        books: ReadModel,
        invariants: Invariants,
    }

    impl Rig {
        fn new() -> Self {
            let metrics = metrics::register(&Registry::new()).expect("new metrics");
            Self { books: ReadModel::new(), invariants: Invariants::new(metrics) }
        }

        fn told(&self) -> u64 {
            self.invariants.metrics.failures.with_label_values(&[Watched::Balances.name()]).get()
        }

        /// Looks; what is published adds up to `published`.
        fn look(&mut self, published: i128) -> u64 {
            let again = Again { after: Duration::ZERO, sums: &|| Ok(sums(published)) };
            self.invariants.look(&self.books.unbalanced(), Some(again));
            self.told()
        }
    }

    #[test]
    fn whole_transactions_count_at_once_and_once() {
        let mut rig = Rig::new();
        put(&rig.books, "Assets", 5);
        put(&rig.books, "Income", -5);
        rig.invariants.balances(&rig.books, None);
        assert_eq!(rig.told(), 0, "they add up");
        put(&rig.books, "Income", -4);
        for _ in 0..2 {
            rig.invariants.look(&rig.books.unbalanced(), None);
            assert_eq!(rig.told(), 1);
        }
        put(&rig.books, "Income", -3);
        rig.invariants.look(&rig.books.unbalanced(), None);
        assert_eq!(rig.told(), 2, "they are broken anew");
    }

    #[test]
    fn halves_of_transactions_are_no_failures() {
        let mut rig = Rig::new();
        put(&rig.books, "Assets", 5);
        assert_eq!(rig.look(0), 0, "what is published adds up: the rest has not come yet");
        assert_eq!(rig.look(5), 0, "it was added up anew in the middle of another transaction");
        put(&rig.books, "Income", -5);
        put(&rig.books, "Assets", 7);
        assert_eq!(rig.look(2), 0, "its first half has come since");
        put(&rig.books, "Income", -7);
        assert_eq!(rig.look(0), 0);
    }

    #[test]
    fn what_stays_broken_is_told() {
        let mut rig = Rig::new();
        put(&rig.books, "Assets", 5);
        assert_eq!(rig.look(5), 0, "it is added up anew");
        assert_eq!(rig.look(5), 1, "it has stood still since");
        assert_eq!(rig.look(5), 1, "and told once");
    }

    #[test]
    fn what_has_not_stood_still_for_long_enough_is_not_told() {
        let mut rig = Rig::new();
        put(&rig.books, "Assets", 5);
        for _ in 0..3 {
            let again = Again { after: Duration::from_secs(3_600), sums: &|| panic!("too early") };
            rig.invariants.look(&rig.books.unbalanced(), Some(again));
        }
        assert_eq!(rig.told(), 0);
    }
}
