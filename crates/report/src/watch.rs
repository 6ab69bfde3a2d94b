//! Invariants that can be looked at while records come, from wherever one begins to read (accounting.md, section 10).

use std::borrow::Cow;
use std::collections::BTreeMap;

use daybook_wire::output::hash;
use serde::Deserialize;

use crate::chain::{Chain, Fault};
use crate::records::is_sound;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watched {
    /// Entry numbers have no gap and no repeat.
    EntryNumbers,
    /// Each entry carries the hash of the one before it.
    HashChain,
    /// Each posting moves an amount above 0 between accounts that there are.
    Postings,
    /// The balances of a project in a currency add up to 0.
    Balances,
}

impl Watched {
    /// All of them.
    pub const ALL: [Watched; 4] =
        [Watched::EntryNumbers, Watched::HashChain, Watched::Postings, Watched::Balances];

    /// Its name in metrics and messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Watched::EntryNumbers => "entry_numbers",
            Watched::HashChain => "hash_chain",
            Watched::Postings => "postings",
            Watched::Balances => "balances",
        }
    }
}

/// What an entry breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Which invariant.
    pub invariant: Watched,
    /// Whose books.
    pub project: String,
    /// Number of the entry.
    pub entry_number: u64,
}

/// What is looked at of an entry; it is read beside everything else, so nothing is copied.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    project_id: Cow<'a, str>,
    entry_number: u64,
    #[serde(borrow)]
    previous_hash: Cow<'a, str>,
    #[serde(borrow)]
    postings: Vec<Posting<'a>>,
}

#[derive(Deserialize)]
struct Posting<'a> {
    #[serde(borrow)]
    orig_account: Cow<'a, str>,
    #[serde(borrow)]
    dest_account: Cow<'a, str>,
    amount_minor: i64,
}

/// Looks at entries, in the order of their key. The first of a project is taken as it is.
#[derive(Debug, Default)]
pub struct EntryWatch {
    chains: BTreeMap<String, Chain>,
}

impl EntryWatch {
    /// Takes a record of `ledger.entries`; what it breaks.
    ///
    /// # Errors
    /// Its value is no entry. The project's chain begins again with the next one.
    pub fn entry(&mut self, key: &[u8], value: &[u8]) -> serde_json::Result<Vec<Failure>> {
        let entry: Entry<'_> = match serde_json::from_slice(value) {
            Ok(entry) => entry,
            Err(error) => {
                self.chains.remove(&*String::from_utf8_lossy(key));
                return Err(error);
            }
        };
        let value_hash = hash(value);
        let faults = match self.chains.get_mut(&*entry.project_id) {
            Some(chain) => chain.take(entry.entry_number, &entry.previous_hash, value_hash),
            None => {
                let chain = Chain::from(entry.entry_number, value_hash);
                self.chains.insert(entry.project_id.to_string(), chain);
                Vec::new()
            }
        };
        let broken = faults.into_iter().map(|fault| match fault {
            Fault::Number { .. } => Watched::EntryNumbers,
            Fault::Hash => Watched::HashChain,
        });
        let sound = |p: &Posting<'_>| is_sound(p.amount_minor, [&p.orig_account, &p.dest_account]);
        let unsound = (!entry.postings.iter().all(sound)).then_some(Watched::Postings);
        let failure = |invariant| Failure {
            invariant,
            project: entry.project_id.to_string(),
            entry_number: entry.entry_number,
        };
        Ok(broken.chain(unsound).map(failure).collect())
    }
}

#[cfg(test)]
mod tests {
    use daybook_wire::output::hash;

    use super::{EntryWatch, Watched};

    fn entry(number: u64, before: &str, amount: i64) -> String {
        let previous: String = hash(before.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        format!(
            r#"{{"project_id":"shop","entry_number":{number},"previous_hash":"{previous}","event_id":"e","event_line":0,
            "kind":"payment","corrects":null,"economic_day":"2026-01-20","currency":"USD","minor_digits":2,"postings":[
            {{"amount_minor":{amount},"dest_account":"Assets","dest_organization":"shop","orig_account":"Payable",
            "orig_organization":"ann","provider":"shop"}}]}}"#
        )
    }

    #[test]
    fn what_an_entry_breaks_is_told_once() {
        use Watched::{EntryNumbers, HashChain, Postings};
        let first = entry(7, "whatever came before", 5);
        let good = entry(8, &first, 5);
        for (number, second, breaks) in [
            (8, good.clone(), vec![]),
            (9, entry(9, &first, 5), vec![EntryNumbers]),
            (7, entry(7, &first, 5), vec![EntryNumbers]),
            (8, entry(8, &good, 5), vec![HashChain]),
            (8, entry(8, &first, 0), vec![Postings]),
            (8, entry(8, &first, 5).replace("Assets", "Cash"), vec![Postings]),
            (1, entry(1, "", 0), vec![EntryNumbers, HashChain, Postings]),
        ] {
            let mut watch = EntryWatch::default();
            let mut broken = |value: &str| -> Vec<Watched> {
                let failures = watch.entry(b"shop", value.as_bytes()).expect("an entry");
                failures.into_iter().map(|failure| failure.invariant).collect()
            };
            assert_eq!(broken(&first), [], "the first is taken as it is");
            assert_eq!(broken(&second), breaks, "{second}");
            assert_eq!(broken(&entry(number + 1, &second, 5)), [], "after {second}");
        }
    }

    #[test]
    fn what_is_no_entry_begins_a_chain_anew() {
        let mut watch = EntryWatch::default();
        let first = entry(7, "", 5);
        assert!(watch.entry(b"shop", first.as_bytes()).is_ok());
        assert!(watch.entry(b"shop", b"{}").is_err());
        let later = entry(20, "unknown", 5);
        assert_eq!(watch.entry(b"shop", later.as_bytes()).expect("an entry"), []);
    }
}
