//! The topics and their default names (contracts.md).

/// A topic of the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// In: charge events of any format.
    Charges,
    /// In: spend events.
    Spend,
    /// In: project settings.
    Settings,
    /// Inside: the book of original entry.
    Journal,
    /// Out: entries.
    LedgerEntries,
    /// Out: changes of points.
    RewardsPoints,
    /// Out: what partners share in.
    RevenueAllocations,
    /// Out: revenue per day.
    RevenueDaily,
    /// Out: spend per day.
    SpendDaily,
    /// Out: profit per day.
    ProfitDaily,
    /// Out: profit per month.
    ProfitMonthly,
    /// Out: the owner's profit per day.
    OwnerProfitDaily,
    /// Out: what partners share in per day.
    AllocationsDaily,
    /// Out: the dashboard's figures per day.
    KpisDaily,
    /// Out: balances of accounts.
    AccountsBalances,
    /// Out: client profiles.
    CustomersProfile,
    /// Out: points per user.
    RewardsBalances,
    /// Out: journal offsets up to which outputs are published.
    ProjectorPositions,
    /// Out: refused records of `charges`.
    ChargesDlq,
    /// Out: refused records of `spend`.
    SpendDlq,
    /// Out: refused records of `settings`.
    SettingsDlq,
}

impl Topic {
    /// All topics.
    pub const ALL: [Topic; 21] = [
        Topic::Charges,
        Topic::Spend,
        Topic::Settings,
        Topic::Journal,
        Topic::LedgerEntries,
        Topic::RewardsPoints,
        Topic::RevenueAllocations,
        Topic::RevenueDaily,
        Topic::SpendDaily,
        Topic::ProfitDaily,
        Topic::ProfitMonthly,
        Topic::OwnerProfitDaily,
        Topic::AllocationsDaily,
        Topic::KpisDaily,
        Topic::AccountsBalances,
        Topic::CustomersProfile,
        Topic::RewardsBalances,
        Topic::ProjectorPositions,
        Topic::ChargesDlq,
        Topic::SpendDlq,
        Topic::SettingsDlq,
    ];

    /// What the projector publishes and a replay of the journal must give again.
    pub const PROJECTED: [Topic; 13] = [
        Topic::LedgerEntries,
        Topic::RewardsPoints,
        Topic::RevenueAllocations,
        Topic::RevenueDaily,
        Topic::SpendDaily,
        Topic::ProfitDaily,
        Topic::ProfitMonthly,
        Topic::OwnerProfitDaily,
        Topic::AllocationsDaily,
        Topic::KpisDaily,
        Topic::AccountsBalances,
        Topic::CustomersProfile,
        Topic::RewardsBalances,
    ];

    /// The default name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Topic::Charges => "charges",
            Topic::Spend => "spend",
            Topic::Settings => "settings",
            Topic::Journal => "journal",
            Topic::LedgerEntries => "ledger.entries",
            Topic::RewardsPoints => "rewards.points",
            Topic::RevenueAllocations => "revenue.allocations",
            Topic::RevenueDaily => "revenue.daily",
            Topic::SpendDaily => "spend.daily",
            Topic::ProfitDaily => "profit.daily",
            Topic::ProfitMonthly => "profit.monthly",
            Topic::OwnerProfitDaily => "owner-profit.daily",
            Topic::AllocationsDaily => "allocations.daily",
            Topic::KpisDaily => "kpis.daily",
            Topic::AccountsBalances => "accounts.balances",
            Topic::CustomersProfile => "customers.profile",
            Topic::RewardsBalances => "rewards.balances",
            Topic::ProjectorPositions => "projector.positions",
            Topic::ChargesDlq => "charges.dlq",
            Topic::SpendDlq => "spend.dlq",
            Topic::SettingsDlq => "settings.dlq",
        }
    }

    /// The topic of a default name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }

    /// Whether only the last record of each key counts.
    #[must_use]
    pub fn is_compacted(self) -> bool {
        matches!(
            self,
            Topic::Settings
                | Topic::RevenueDaily
                | Topic::SpendDaily
                | Topic::ProfitDaily
                | Topic::ProfitMonthly
                | Topic::OwnerProfitDaily
                | Topic::AllocationsDaily
                | Topic::KpisDaily
                | Topic::AccountsBalances
                | Topic::CustomersProfile
                | Topic::RewardsBalances
                | Topic::ProjectorPositions
        )
    }

    /// Where refused records of an input go.
    #[must_use]
    pub fn dead_letters(self) -> Option<Topic> {
        match self {
            Topic::Charges => Some(Topic::ChargesDlq),
            Topic::Spend => Some(Topic::SpendDlq),
            Topic::Settings => Some(Topic::SettingsDlq),
            _ => None,
        }
    }
}
