//! The topics and their default names (contracts.md).

/// A topic of the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// In: charge events of any format.
    Charges,
    /// In: project settings.
    Settings,
    /// Inside: the book of original entry.
    Journal,
    /// Out: entries.
    LedgerEntries,
    /// Out: changes of points.
    RewardsPoints,
    /// Out: revenue per day.
    RevenueDaily,
    /// Out: balances of accounts.
    AccountsBalances,
    /// Out: points per user.
    RewardsBalances,
    /// Out: journal offsets up to which outputs are published.
    ProjectorPositions,
    /// Out: refused records of `charges`.
    ChargesDlq,
    /// Out: refused records of `settings`.
    SettingsDlq,
}

impl Topic {
    /// All topics.
    pub const ALL: [Topic; 11] = [
        Topic::Charges,
        Topic::Settings,
        Topic::Journal,
        Topic::LedgerEntries,
        Topic::RewardsPoints,
        Topic::RevenueDaily,
        Topic::AccountsBalances,
        Topic::RewardsBalances,
        Topic::ProjectorPositions,
        Topic::ChargesDlq,
        Topic::SettingsDlq,
    ];

    /// What the projector publishes and a replay of the journal must give again.
    pub const PROJECTED: [Topic; 5] = [
        Topic::LedgerEntries,
        Topic::RewardsPoints,
        Topic::RevenueDaily,
        Topic::AccountsBalances,
        Topic::RewardsBalances,
    ];

    /// The default name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Topic::Charges => "charges",
            Topic::Settings => "settings",
            Topic::Journal => "journal",
            Topic::LedgerEntries => "ledger.entries",
            Topic::RewardsPoints => "rewards.points",
            Topic::RevenueDaily => "revenue.daily",
            Topic::AccountsBalances => "accounts.balances",
            Topic::RewardsBalances => "rewards.balances",
            Topic::ProjectorPositions => "projector.positions",
            Topic::ChargesDlq => "charges.dlq",
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
                | Topic::AccountsBalances
                | Topic::RewardsBalances
                | Topic::ProjectorPositions
        )
    }
}
