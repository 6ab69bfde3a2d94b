//! Postings of one event between its three parties (sections 1 and 2).

use daybook_core::name::Name;
use daybook_core::party::Account;

use super::walk::Meaning;

/// An organization's account.
pub(crate) type Side = (Name, Account);

/// The parties of one event.
pub(crate) struct Posting {
    pub(crate) customer: Name,
    pub(crate) provider: Name,
    pub(crate) processor: Name,
}

impl Posting {
    pub(crate) fn customer(&self, account: Account) -> Side {
        (self.customer.clone(), account)
    }

    pub(crate) fn provider(&self, account: Account) -> Side {
        (self.provider.clone(), account)
    }

    /// A leg of 0 is left out.
    pub(crate) fn leg(&self, meaning: &mut Meaning, from: Side, to: Side, amount: i128) {
        if amount != 0 {
            meaning.legs.push((from, to, amount));
        }
    }

    pub(crate) fn payment(&self, meaning: &mut Meaning, amount: i128, fee: i128) {
        let payable = self.customer(Account::Payable);
        let (assets, taken) = (self.provider(Account::Assets), (self.processor.clone(), Account::Income));
        if fee <= amount {
            self.leg(meaning, payable.clone(), assets, amount - fee);
            self.leg(meaning, payable, taken, fee);
        } else {
            self.leg(meaning, payable, taken.clone(), amount);
            self.leg(meaning, assets, taken, fee - amount);
        }
        meaning.columns.gross_sales += amount;
        meaning.columns.platform_fees += fee;
        meaning.columns.transaction_count += 1;
    }

    /// P and V of a payback.
    pub(crate) fn fees(&self, meaning: &mut Meaning, p: i128, v: i128) {
        let (assets, taken) = (self.provider(Account::Assets), (self.processor.clone(), Account::Income));
        self.leg(meaning, assets.clone(), taken.clone(), p);
        self.leg(meaning, taken, assets, v);
        meaning.columns.platform_fees += p - v;
    }
}
