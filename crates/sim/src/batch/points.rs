//! What a charge earns (section 8, "Rewards").

use daybook_core::event::Kind;
use daybook_core::settings::Rewards;
use rust_decimal::Decimal;

use super::order::Step;
use super::rounding::{down, up};
use super::{Rules, Twist};

/// How a charge earns: by the settings and tier of its first opening event (3.7).
pub(crate) struct Earning<'a> {
    rewards: &'a Rewards,
    multiplier: i128,
    minor_per_major: i128,
    pub(crate) unknown_tier: bool,
    rules: Rules,
}

impl<'a> Earning<'a> {
    pub(crate) fn of(opening: &Step<'a>, rules: Rules) -> Self {
        let rewards = &opening.of.settings.rewards;
        let multiplier = |tier| rewards.multipliers.get(tier).copied();
        let known = opening.of.event.tier.as_ref().and_then(multiplier);
        let default = multiplier(&rewards.default_tier).unwrap_or(0);
        Self {
            rewards,
            multiplier: i128::from(known.unwrap_or(default)),
            minor_per_major: 10_i128.pow(opening.of.currency.minor_digits()),
            unknown_tier: opening.of.event.tier.is_some() && known.is_none(),
            rules,
        }
    }

    /// `ceil(amount / step)`.
    fn steps(&self, amount: i128) -> i128 {
        let step = i128::from(self.rewards.step) * self.minor_per_major;
        if self.rules.are(Twist::SpendRoundsDown) { down(amount, step) } else { up(amount, step) }
    }

    pub(crate) fn points(&self, amount: i128) -> i128 {
        self.steps(amount) * self.multiplier
    }

    /// Whether the sender of a purchase believes it to earn something else.
    pub(crate) fn mismatch(&self, step: &Step<'_>) -> bool {
        let event = &step.of.event;
        let (Kind::Pending | Kind::Payment, false, Some(amount)) = (step.kind, step.cleared, step.of.amount)
        else {
            return false;
        };
        let rounded = Decimal::from(self.steps(amount) * i128::from(self.rewards.step));
        event.points_delta.is_some_and(|delta| i128::from(delta) != self.points(amount))
            || event.rounded_spend.is_some_and(|believed| believed != rounded)
    }

    /// Pending and available points of a charge with these figures.
    pub(crate) fn of_charge(&self, paid: i128, back: i128, outstanding: i128) -> (i128, i128) {
        let n = (paid - back).max(0);
        let not_covered = (back - paid).max(0);
        let u = (outstanding - not_covered).max(0);
        let available = self.points(n);
        (self.points(n + u) - available, available)
    }
}
