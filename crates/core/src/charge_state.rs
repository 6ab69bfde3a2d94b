//! The state of a charge, and which steps between states are expected (3.4).

use std::fmt;

/// Where a charge stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChargeState {
    /// Nothing is owed and nothing was paid.
    #[default]
    None,
    /// Something is outstanding.
    Pending,
    /// Paid, nothing given back.
    Settled,
    /// Some of what was paid was given back.
    PartiallyRefunded,
    /// All of it was given back.
    Refunded,
    /// A chargeback is neither won nor lost.
    Disputed,
    /// All of it was given back, some by chargeback.
    ChargedBack,
    /// What was outstanding was given up.
    WrittenOff,
    /// The payment failed.
    Failed,
}

impl ChargeState {
    /// All states.
    pub const ALL: [ChargeState; 9] = [
        ChargeState::None,
        ChargeState::Pending,
        ChargeState::Settled,
        ChargeState::PartiallyRefunded,
        ChargeState::Refunded,
        ChargeState::Disputed,
        ChargeState::ChargedBack,
        ChargeState::WrittenOff,
        ChargeState::Failed,
    ];

    /// The name as published.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ChargeState::None => "none",
            ChargeState::Pending => "pending",
            ChargeState::Settled => "settled",
            ChargeState::PartiallyRefunded => "partially_refunded",
            ChargeState::Refunded => "refunded",
            ChargeState::Disputed => "disputed",
            ChargeState::ChargedBack => "charged_back",
            ChargeState::WrittenOff => "written_off",
            ChargeState::Failed => "failed",
        }
    }

    /// Whether 3.4 lists the step from `self` to `to`.
    #[must_use]
    pub fn expects(self, to: ChargeState) -> bool {
        use ChargeState::{
            ChargedBack, Disputed, Failed, None, PartiallyRefunded, Pending, Refunded, Settled, WrittenOff,
        };
        self == to
            || match self {
                None => matches!(to, Pending | Settled),
                Pending => matches!(to, None | Settled | Failed | WrittenOff),
                WrittenOff => matches!(to, Failed | Settled | Pending),
                Failed => matches!(to, Settled | Pending),
                Settled => matches!(to, PartiallyRefunded | Refunded | Disputed),
                PartiallyRefunded => matches!(to, Settled | Refunded | Disputed),
                Refunded => matches!(to, Settled | PartiallyRefunded),
                Disputed => matches!(to, Settled | PartiallyRefunded | ChargedBack),
                ChargedBack => false,
            }
    }
}

impl fmt::Display for ChargeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
