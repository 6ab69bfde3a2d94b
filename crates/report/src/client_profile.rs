//! The payment profile of each client at a date, from postings alone (section 9; seed 001, "Accounts").

use std::collections::{BTreeMap, BTreeSet};

use daybook_core::party::Account;
use jiff::civil::Date;
use serde::Serialize;

use crate::entries::{Entry, Posting};

/// The kind of entries that give something for free.
const GOODWILL: &str = "goodwill";

/// A client's figures in one project and one currency, minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ClientProfile {
    /// The project.
    pub project_id: String,
    /// The client.
    pub customer: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Digits after the point.
    pub minor_digits: u32,
    /// What it was invoiced for services, goodwill included.
    pub value_minor: i128,
    /// What it owes.
    pub payable_minor: i128,
    /// Acquisition and retention: what it was given for free.
    pub acquisition_minor: i128,
    /// What was refunded, charged back or written off, goodwill aside.
    pub dispute_minor: i128,
}

/// Adds entries up to profiles.
#[derive(Debug, Default)]
pub struct ClientProfiles {
    as_of: Option<Date>,
    profiles: BTreeMap<(String, String, String), ClientProfile>,
    /// Numbers of the entries of kind `goodwill` by project: an adjusting entry only says which entry it corrects.
    goodwill: BTreeMap<String, BTreeSet<u64>>,
}

impl ClientProfiles {
    /// Profiles at the end of `as_of`; `None`: of all entries.
    #[must_use]
    pub fn at(as_of: Option<Date>) -> Self {
        Self { as_of, ..Self::default() }
    }

    /// Takes an entry, those of a project in their order.
    pub fn entry(&mut self, entry: &Entry) {
        let is_goodwill = self.is_goodwill(entry);
        if self.as_of.is_some_and(|last| entry.economic_day > last) {
            return;
        }
        for posting in &entry.postings {
            for (organization, account, amount) in posting.legs() {
                let amount = i128::from(amount);
                // Income and assets are those of providers and processors.
                match account {
                    Account::Income | Account::Assets => {}
                    Account::Payable => {
                        let invoiced = if is_service(posting) { amount } else { 0 };
                        let profile = self.profile(entry, organization);
                        profile.payable_minor += amount;
                        profile.value_minor += invoiced;
                    }
                    Account::Writeoff if is_goodwill => {
                        self.profile(entry, organization).acquisition_minor += amount;
                    }
                    Account::Refund | Account::Chargeback | Account::Writeoff => {
                        self.profile(entry, organization).dispute_minor += amount;
                    }
                }
            }
        }
    }

    /// Whether an entry is goodwill or corrects one that is.
    fn is_goodwill(&mut self, entry: &Entry) -> bool {
        if entry.kind == GOODWILL {
            self.goodwill.entry(entry.project_id.clone()).or_default().insert(entry.entry_number);
            return true;
        }
        let numbers = self.goodwill.get(&entry.project_id);
        entry.corrects.is_some_and(|number| numbers.is_some_and(|numbers| numbers.contains(&number)))
    }

    fn profile(&mut self, entry: &Entry, customer: &str) -> &mut ClientProfile {
        let key = (entry.project_id.clone(), customer.to_owned(), entry.currency.clone());
        self.profiles.entry(key).or_insert_with_key(|(project_id, customer, currency)| ClientProfile {
            project_id: project_id.clone(),
            customer: customer.clone(),
            currency: currency.clone(),
            minor_digits: entry.minor_digits,
            ..ClientProfile::default()
        })
    }

    /// The profiles by project, client and currency.
    #[must_use]
    pub fn conclude(self) -> Vec<ClientProfile> {
        self.profiles.into_values().collect()
    }
}

/// Whether a posting is use of service (section 2): between the provider's own income and what a client owes. The
/// processor's fee is paid from what a client owes into income too, but the processor's.
fn is_service(posting: &Posting) -> bool {
    match (posting.orig_account, posting.dest_account) {
        (Account::Income, Account::Payable) => posting.orig_organization == posting.provider,
        (Account::Payable, Account::Income) => posting.dest_organization == posting.provider,
        _ => false,
    }
}
