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
    /// Its figures as a customer, sorted by currency.
    pub profiles: Vec<Profile>,
}

/// An organization's figures as a customer in one currency that its balances don't hold (section 9, seed 001).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The currency.
    pub currency: Currency,
    /// Income->Payable less Payable->Income, minor units.
    pub value_minor: i128,
    /// Goodwill, minor units.
    pub goodwill_minor: i128,
    /// Number of the journal record that last changed anything of it.
    pub journal_sequence: u64,
}

impl Organization {
    /// The balance of an account, opened where it was never touched.
    pub(crate) fn account(&mut self, account: Account, currency: Currency) -> &mut AccountBalance {
        let at = self.accounts.partition_point(|a| (a.currency, a.account) < (currency, account));
        if self.accounts.get(at).is_none_or(|a| (a.currency, a.account) != (currency, account)) {
            let fresh =
                AccountBalance { account, currency, balance_minor: 0, entry_number: 0, journal_sequence: 0 };
            self.accounts.insert(at, fresh);
        }
        &mut self.accounts[at]
    }

    /// The figures as a customer, opened where there are none.
    pub(crate) fn profile(&mut self, currency: Currency) -> &mut Profile {
        let at = self.profiles.partition_point(|p| p.currency < currency);
        if self.profiles.get(at).is_none_or(|p| p.currency != currency) {
            let fresh = Profile { currency, value_minor: 0, goodwill_minor: 0, journal_sequence: 0 };
            self.profiles.insert(at, fresh);
        }
        &mut self.profiles[at]
    }

    /// Balance of an account, minor units.
    fn balance_minor(&self, account: Account, currency: Currency) -> i128 {
        let of = |a: &&AccountBalance| (a.account, a.currency) == (account, currency);
        self.accounts.iter().find(of).map_or(0, |a| a.balance_minor)
    }

    /// What its client profile says in one currency (section 9).
    #[must_use]
    pub fn client_profile(&self, profile: &Profile) -> ClientProfile {
        let balance = |account| self.balance_minor(account, profile.currency);
        let given_back = balance(Account::Refund) + balance(Account::Chargeback) + balance(Account::Writeoff);
        ClientProfile {
            currency: profile.currency,
            value_minor: profile.value_minor,
            payable_minor: balance(Account::Payable),
            acquisition_minor: profile.goodwill_minor,
            dispute_minor: given_back - profile.goodwill_minor,
            journal_sequence: profile.journal_sequence,
        }
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

/// A user's points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PointsBalance {
    /// The points.
    pub points: Points,
    /// Number of the journal record that last changed them.
    pub journal_sequence: u64,
}
