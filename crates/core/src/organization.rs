//! What is known of an organization in a project: balances, points, figures as a customer.

use crate::money::Currency;
use crate::party::Account;
use crate::rewards::Points;

/// Balance of one account in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountBalance {
    /// The account.
    pub account: Account,
    /// The currency.
    pub currency: Currency,
    /// Received less given, minor units.
    pub balance_minor: i128,
    /// What client profiles need besides, minor units: of Payable what was invoiced less what of it was taken back, of
    /// Writeoff the goodwill, else 0 (section 9).
    pub tally_minor: i128,
    /// Number of the last entry that touched it.
    pub entry_number: u64,
    /// Number of the journal record that caused that entry.
    pub journal_sequence: u64,
}

/// What is known of an organization in a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Organization {
    /// Its accounts that were ever touched, sorted by currency and account.
    pub accounts: Vec<AccountBalance>,
    /// Its points, where it ever had any.
    pub points: Option<PointsBalance>,
}

impl Organization {
    /// The balance of an account, opened where it was never touched.
    pub(crate) fn account(&mut self, account: Account, currency: Currency) -> &mut AccountBalance {
        let at = self.accounts.partition_point(|a| (a.currency, a.account) < (currency, account));
        if self.accounts.get(at).is_none_or(|a| (a.currency, a.account) != (currency, account)) {
            let fresh = AccountBalance {
                account,
                currency,
                balance_minor: 0,
                tally_minor: 0,
                entry_number: 0,
                journal_sequence: 0,
            };
            self.accounts.insert(at, fresh);
        }
        &mut self.accounts[at]
    }

    /// Its client profiles (section 9), one for each currency in which it ever was a customer.
    pub fn client_profiles(&self) -> impl Iterator<Item = ClientProfile> {
        let one_currency = |a: &AccountBalance, b: &AccountBalance| a.currency == b.currency;
        self.accounts.chunk_by(one_currency).filter_map(ClientProfile::of)
    }
}

/// A client profile (section 9; seed 001, "valuable client"): minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientProfile {
    /// The currency.
    pub currency: Currency,
    /// What was invoiced for services.
    pub value_minor: i128,
    /// What is to be paid.
    pub payable_minor: i128,
    /// Free trials and goodies.
    pub acquisition_minor: i128,
    /// Refunded, charged back or written off.
    pub dispute_minor: i128,
    /// Number of the journal record that last changed anything of it.
    pub journal_sequence: u64,
}

impl ClientProfile {
    /// The profile that accounts in one currency give; `None` where none of them is a customer's.
    fn of(accounts: &[AccountBalance]) -> Option<Self> {
        let customers = |a: &&AccountBalance| !matches!(a.account, Account::Income | Account::Assets);
        let first = accounts.iter().find(customers)?;
        let mut profile = Self {
            currency: first.currency,
            value_minor: 0,
            payable_minor: 0,
            acquisition_minor: 0,
            dispute_minor: 0,
            journal_sequence: 0,
        };
        for account in accounts.iter().filter(customers) {
            profile.journal_sequence = profile.journal_sequence.max(account.journal_sequence);
            match account.account {
                Account::Payable => {
                    profile.payable_minor = account.balance_minor;
                    profile.value_minor = account.tally_minor;
                }
                Account::Writeoff => {
                    profile.acquisition_minor = account.tally_minor;
                    profile.dispute_minor += account.balance_minor - account.tally_minor;
                }
                _ => profile.dispute_minor += account.balance_minor,
            }
        }
        Some(profile)
    }
}

/// A user's points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PointsBalance {
    /// The points.
    pub points: Points,
    /// Number of the journal record that last changed them.
    pub journal_sequence: u64,
}
