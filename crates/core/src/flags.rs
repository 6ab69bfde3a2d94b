//! What is odd about an event that is accepted all the same.

/// An anomaly. Its money is posted; the flag tells whoever reads the entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// A card number was masked in the description (contracts.md, "In").
    CardNumberMasked,
    /// The event names another user than the charge's first opening event (1.5).
    CustomerMismatch,
    /// More was paid back than was paid (3.6).
    ExceedsCharge,
    /// More was won than is in dispute (2 `chargeback_won`).
    ExceedsChargeback,
    /// More fee was returned than was taken (6.3).
    ExceedsFees,
    /// More was to be written off than is outstanding (2 `write_off`).
    ExceedsOutstanding,
    /// A payback after its window (3.6).
    LatePayback,
    /// More points were taken than there were (section 8).
    Overdrawn,
    /// What the sender believes a purchase to earn is not what it earns (section 8).
    PointsMismatch,
    /// A step between states that 3.4 does not list.
    UnexpectedTransition,
    /// A tier that the settings don't know (section 8).
    UnknownTier,
    /// A payback of a charge without a payment (3.5).
    Unmatched,
}

impl Flag {
    /// All flags, in the order in which they are published (alphabetical).
    pub const ALL: [Flag; 12] = [
        Flag::CardNumberMasked,
        Flag::CustomerMismatch,
        Flag::ExceedsCharge,
        Flag::ExceedsChargeback,
        Flag::ExceedsFees,
        Flag::ExceedsOutstanding,
        Flag::LatePayback,
        Flag::Overdrawn,
        Flag::PointsMismatch,
        Flag::UnexpectedTransition,
        Flag::UnknownTier,
        Flag::Unmatched,
    ];

    /// The name as published.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Flag::CardNumberMasked => "card_number_masked",
            Flag::CustomerMismatch => "customer_mismatch",
            Flag::ExceedsCharge => "exceeds_charge",
            Flag::ExceedsChargeback => "exceeds_chargeback",
            Flag::ExceedsFees => "exceeds_fees",
            Flag::ExceedsOutstanding => "exceeds_outstanding",
            Flag::LatePayback => "late_payback",
            Flag::Overdrawn => "overdrawn",
            Flag::PointsMismatch => "points_mismatch",
            Flag::UnexpectedTransition => "unexpected_transition",
            Flag::UnknownTier => "unknown_tier",
            Flag::Unmatched => "unmatched",
        }
    }
}

/// A set of flags.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u16);

impl Flags {
    /// Adds a flag.
    pub fn raise(&mut self, flag: Flag) {
        self.0 |= 1 << flag as u16;
    }

    /// Adds a flag where `condition` holds.
    pub fn raise_if(&mut self, condition: bool, flag: Flag) {
        if condition {
            self.raise(flag);
        }
    }

    /// Whether a flag is raised.
    #[must_use]
    pub fn contains(self, flag: Flag) -> bool {
        self.0 & (1 << flag as u16) != 0
    }

    /// The flags raised, in the order of [`Flag::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL.into_iter().filter(move |f| self.contains(*f))
    }
}
