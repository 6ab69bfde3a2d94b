//! Reward points (accounting.md, section 8; seed 003).

use crate::calendar::Day;
use crate::event::Identity;
use crate::flags::Flags;
use crate::money::Currency;
use crate::name::Name;
use crate::settings::Rewards;

/// Points that wait for money and points that can be spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Points {
    /// Of what is outstanding.
    pub pending: i64,
    /// Of what is paid and not paid back.
    pub available: i64,
}

impl Points {
    /// Component by component; saturates. Under the default settings no charge comes near: thousands of amounts at their
    /// bound, or a multiplier of hundreds, would be needed.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            pending: self.pending.saturating_add(other.pending),
            available: self.available.saturating_add(other.available),
        }
    }

    /// Component by component.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            pending: self.pending.saturating_sub(other.pending),
            available: self.available.saturating_sub(other.available),
        }
    }

    /// Whether both are 0.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// How a charge earns points: fixed by its first opening event (3.7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earning {
    /// The tier that counts.
    pub tier: Name,
    /// Whether the event named a tier that the settings don't know.
    pub unknown_tier: bool,
    step: i64,
    multiplier: i64,
    minor_per_major: i64,
}

impl Earning {
    /// Earning by `rewards` in `tier`, else in the default tier.
    #[must_use]
    pub fn new(rewards: &Rewards, tier: Option<&Name>, currency: Currency) -> Self {
        let known = tier.and_then(|t| rewards.multipliers.get_key_value(t));
        let fallback = || rewards.multipliers.get_key_value(&rewards.default_tier);
        let (tier_name, multiplier) =
            known.or_else(fallback).map_or((rewards.default_tier.clone(), 0), |(t, m)| (t.clone(), *m));
        Self {
            tier: tier_name,
            unknown_tier: tier.is_some() && known.is_none(),
            step: rewards.step,
            multiplier,
            minor_per_major: currency.minor_per_major(),
        }
    }

    /// `ceil(amount / step)`; 0 for 0 and below.
    fn steps(&self, amount_minor: i64) -> i64 {
        let step_minor = i128::from(self.step) * i128::from(self.minor_per_major);
        let amount = i128::from(amount_minor.max(0));
        i64::try_from((amount + step_minor - 1) / step_minor).unwrap_or(i64::MAX)
    }

    /// Spend rounded up to the step, major units: 119.50 is 120.
    #[must_use]
    pub fn rounded_spend(&self, amount_minor: i64) -> i64 {
        self.steps(amount_minor).saturating_mul(self.step)
    }

    /// Points of an amount: `rounded_spend / step * multiplier`; 0 for 0.
    ///
    /// ```
    /// # use daybook_core::{money::Currency, rewards::Earning, settings::Rewards};
    /// let usd = Currency::parse("USD").unwrap();
    /// let silver = Earning::new(&Rewards::default(), Some(&"silver".into()), usd);
    /// assert_eq!(silver.points(11_950), 24);
    /// ```
    #[must_use]
    pub fn points(&self, amount_minor: i64) -> i64 {
        self.steps(amount_minor).saturating_mul(self.multiplier)
    }
}

/// What a points record says of its points (seed 003).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PointsStatus {
    /// They wait for money.
    Pending,
    /// They can be spent.
    Available,
    /// They were taken back.
    Reversed,
}

impl PointsStatus {
    /// The status of an event's change of points (section 8).
    #[must_use]
    pub fn of(delta: Points, of_points_event: bool) -> Self {
        if of_points_event {
            PointsStatus::Available
        } else if delta.pending.saturating_add(delta.available) < 0 {
            PointsStatus::Reversed
        } else if delta.available > 0 {
            PointsStatus::Available
        } else {
            PointsStatus::Pending
        }
    }

    /// The name as published.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PointsStatus::Pending => "PENDING",
            PointsStatus::Available => "AVAILABLE",
            PointsStatus::Reversed => "REVERSED",
        }
    }
}

/// A change of a user's points: a record of `rewards.points`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointsChange {
    /// The project.
    pub project: Name,
    /// The charge's customer, whose points they are.
    pub user: Name,
    /// The event that they are earned or lost by.
    pub identity: Identity,
    /// Reference of the charge; `None` where the event is a charge by itself.
    pub charge_id: Option<Name>,
    /// Status by [`PointsStatus::of`].
    pub status: PointsStatus,
    /// The change; not both 0.
    pub delta: Points,
    /// The user's points after it.
    pub balance: Points,
    /// The charge's tier.
    pub tier: Name,
    /// The event's amount rounded up to the step, major units.
    pub rounded_spend: i64,
    /// Event time, Unix milliseconds.
    pub occurred_at_ms: i64,
    /// The event's day.
    pub economic_day: Day,
    /// The event's flags.
    pub flags: Flags,
    /// Number of the journal record that caused it, per project from 1.
    pub journal_sequence: u64,
    /// Kafka timestamp of its record: that of the event's input record, Unix milliseconds, where it had one.
    pub source_timestamp_ms: Option<i64>,
}
