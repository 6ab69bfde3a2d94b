//! The balance sheet of each provider at a date, from postings alone (section 9; seed 001, "Accounts").
//!
//! The ledger does not flip signs, the sheet does, by role (1.4): income is above 0 where a provider has earned, and
//! liabilities are where it owes as a client.

use std::collections::BTreeMap;

use daybook_core::party::Account;
use jiff::civil::Date;
use serde::Serialize;

use crate::entries::Entry;

/// A provider's figures in one currency, minor units.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BalanceSheet {
    /// The provider.
    pub provider: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Digits after the point.
    pub minor_digits: u32,
    /// Cash that it holds.
    pub assets_minor: i128,
    /// What it has earned by services.
    pub income_minor: i128,
    /// Refund, chargeback and write-off together.
    pub expenses_minor: i128,
    /// Of these, what was refunded to clients.
    pub refund_minor: i128,
    /// Of these, what clients charged back.
    pub chargeback_minor: i128,
    /// Of these, what clients will never pay.
    pub writeoff_minor: i128,
    /// What it owes to other providers, or to itself, as their client.
    pub liabilities_minor: i128,
    /// What processors have kept; with [`BalanceSheet::receivable_minor`] it is what closes the sheet:
    /// income = assets + expenses + fees + receivable.
    pub fees_minor: i128,
    /// What its clients owe.
    pub receivable_minor: i128,
}

/// Adds entries up to balance sheets.
#[derive(Debug, Default)]
pub struct BalanceSheets {
    as_of: Option<Date>,
    /// By provider and currency: liabilities aside.
    sheets: BTreeMap<(String, String), BalanceSheet>,
    /// What each organization owes as a client, by its name and the currency. Who of them is a provider too is not
    /// known before the end.
    payables: BTreeMap<(String, String), i128>,
}

impl BalanceSheets {
    /// Sheets at the end of `as_of`; `None`: of all entries.
    #[must_use]
    pub fn at(as_of: Option<Date>) -> Self {
        Self { as_of, ..Self::default() }
    }

    /// Takes an entry; those of one project and of several add up alike, in any order.
    pub fn entry(&mut self, entry: &Entry) {
        if self.as_of.is_some_and(|last| entry.economic_day > last) {
            return;
        }
        for posting in &entry.postings {
            let key = (posting.provider.clone(), entry.currency.clone());
            let sheet = self.sheets.entry(key).or_insert_with_key(|(provider, currency)| BalanceSheet {
                provider: provider.clone(),
                currency: currency.clone(),
                minor_digits: entry.minor_digits,
                ..BalanceSheet::default()
            });
            for (organization, account, amount) in posting.legs() {
                let amount = i128::from(amount);
                let own = organization == posting.provider;
                match account {
                    Account::Income if own => sheet.income_minor -= amount,
                    Account::Income => sheet.fees_minor += amount,
                    Account::Assets => sheet.assets_minor += amount,
                    Account::Refund => sheet.refund_minor += amount,
                    Account::Chargeback => sheet.chargeback_minor += amount,
                    Account::Writeoff => sheet.writeoff_minor += amount,
                    Account::Payable => {
                        sheet.receivable_minor += amount;
                        let client = (organization.to_owned(), entry.currency.clone());
                        *self.payables.entry(client).or_default() += amount;
                    }
                }
            }
        }
    }

    /// The sheets by provider and currency.
    #[must_use]
    pub fn conclude(self) -> Vec<BalanceSheet> {
        let Self { mut sheets, payables, .. } = self;
        let digits: BTreeMap<String, u32> =
            sheets.values().map(|sheet| (sheet.currency.clone(), sheet.minor_digits)).collect();
        let is_provider = |sheets: &BTreeMap<(String, String), BalanceSheet>, name: &str| {
            let first = (name.to_owned(), String::new());
            sheets.range(first..).next().is_some_and(|((provider, _), _)| provider == name)
        };
        for ((organization, currency), owed) in payables {
            // A provider may owe in a currency in which it sells nothing.
            if is_provider(&sheets, &organization) {
                let minor_digits = digits.get(&currency).copied().unwrap_or_default();
                let blank = BalanceSheet {
                    provider: organization.clone(),
                    currency: currency.clone(),
                    minor_digits,
                    ..BalanceSheet::default()
                };
                sheets.entry((organization, currency)).or_insert(blank).liabilities_minor = owed;
            }
        }
        let expenses =
            |sheet: &BalanceSheet| sheet.refund_minor + sheet.chargeback_minor + sheet.writeoff_minor;
        sheets.into_values().map(|sheet| BalanceSheet { expenses_minor: expenses(&sheet), ..sheet }).collect()
    }
}
