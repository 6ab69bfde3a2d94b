//! Organizations and their six accounts (accounting.md, section 1; seed 001, "Accounts").

use std::fmt;

use crate::name::Name;

/// One of the six accounts that each organization has (1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What a provider earns (runs negative, 1.4) and a processor takes as fees (runs positive).
    Income,
    /// Cash held by a provider.
    Assets,
    /// What a customer owes for services.
    Payable,
    /// What a customer was refunded.
    Refund,
    /// What a customer charged back.
    Chargeback,
    /// What a customer will never pay.
    Writeoff,
}

impl Account {
    /// All six, in the order of seed 001.
    pub const ALL: [Account; 6] = [
        Account::Income,
        Account::Assets,
        Account::Payable,
        Account::Refund,
        Account::Chargeback,
        Account::Writeoff,
    ];

    /// The name as published.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Account::Income => "Income",
            Account::Assets => "Assets",
            Account::Payable => "Payable",
            Account::Refund => "Refund",
            Account::Chargeback => "Chargeback",
            Account::Writeoff => "Writeoff",
        }
    }

    /// The account of a published name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name)
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The role in which an organization takes part in an event (1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The charge's user.
    Customer,
    /// The project's merchant.
    Provider,
    /// The payment processor, for example stripe.
    Processor,
}

/// The three organizations of one event of a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parties {
    /// The user of the charge's first opening event (1.5).
    pub customer: Name,
    /// The project.
    pub provider: Name,
    /// The event's processor, else its default.
    pub processor: Name,
}

impl Parties {
    /// The organization in a role.
    #[must_use]
    pub fn organization(&self, role: Role) -> &Name {
        match role {
            Role::Customer => &self.customer,
            Role::Provider => &self.provider,
            Role::Processor => &self.processor,
        }
    }
}
