//! A project's settings: what its events leave open. They are journal records, so each event keeps those that
//! were in force when it was journalled (3.7).

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::calendar::{DAY_MS, Zone};
use crate::money::{Currency, percent_of};
use crate::name::Name;

/// The rules that this version of the projector knows (architecture.md, "Journal").
pub const RULES_VERSION: u32 = 1;

/// A processor, where neither the event nor the settings name one (1.1).
pub const DEFAULT_PROCESSOR: &str = "processor";

/// A project's settings from one journal record on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Zone of the economic day. Default UTC.
    pub zone: Zone,
    /// Currency of events that name none.
    pub currency: Option<Currency>,
    /// Processor of events that name none. Default `processor`.
    pub processor: Name,
    /// Fee schedules by processor.
    pub fees: BTreeMap<Name, FeeSchedule>,
    /// How points are earned.
    pub rewards: Rewards,
    /// Who shares in a product's net revenue.
    pub splits: Vec<SplitRule>,
    /// How far back duplicates can be told, milliseconds (5.3). Default 400 days.
    pub dedupe_horizon_ms: i64,
    /// Events that one charge may have (3.8). Default 1,000.
    pub charge_history_max: u32,
    /// Refunds later than this after the first payment are flagged, milliseconds (3.6). Default 90 days.
    pub refund_window_ms: i64,
    /// Chargebacks later than this after the first payment are flagged, milliseconds (3.6). Default 120 days.
    pub chargeback_window_ms: i64,
    /// The rules in force, 1 to [`RULES_VERSION`].
    pub rules_version: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            zone: Zone::UTC,
            currency: None,
            processor: DEFAULT_PROCESSOR.into(),
            fees: BTreeMap::new(),
            rewards: Rewards::default(),
            splits: Vec::new(),
            dedupe_horizon_ms: 400 * DAY_MS,
            charge_history_max: 1_000,
            refund_window_ms: 90 * DAY_MS,
            chargeback_window_ms: 120 * DAY_MS,
            rules_version: RULES_VERSION,
        }
    }
}

/// What a processor takes, where an event does not say (section 6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeeSchedule {
    /// Percentage of a payment, 0 to 100.
    pub percent: Decimal,
    /// Fixed part of a payment's fee by currency, major units.
    pub fixed: BTreeMap<Currency, Decimal>,
    /// What the processor gives back of its fees when money is paid back.
    pub payback: PaybackPolicy,
    /// Fee for a chargeback by currency, major units.
    pub chargeback_fixed: BTreeMap<Currency, Decimal>,
}

impl FeeSchedule {
    /// Fee of a payment: `round_half_up(amount * percent) + fixed` (6.1).
    ///
    /// ```
    /// # use daybook_core::{money::Currency, settings::FeeSchedule};
    /// let usd = Currency::parse("USD").unwrap();
    /// let stripe = FeeSchedule {
    ///     percent: "2.9".parse().unwrap(),
    ///     fixed: [(usd, "0.30".parse().unwrap())].into(),
    ///     ..FeeSchedule::default()
    /// };
    /// assert_eq!(stripe.payment_fee(24_900, usd), 752);
    /// ```
    #[must_use]
    pub fn payment_fee(&self, amount_minor: i64, currency: Currency) -> i64 {
        percent_of(amount_minor, self.percent).saturating_add(fixed_minor(&self.fixed, currency))
    }

    /// Fee of a chargeback (6.2).
    #[must_use]
    pub fn chargeback_fee(&self, currency: Currency) -> i64 {
        fixed_minor(&self.chargeback_fixed, currency)
    }
}

/// The settings' reader has checked that the currency's digits hold it.
fn fixed_minor(fixed: &BTreeMap<Currency, Decimal>, currency: Currency) -> i64 {
    fixed.get(&currency).and_then(|d| crate::money::minor(*d, currency).ok()).unwrap_or(0)
}

/// What a processor gives back of its fees when money is paid back (6.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PaybackPolicy {
    /// Nothing.
    #[default]
    None,
    /// The share of the fees that the paybacks have of what was paid.
    Proportional,
    /// All of it.
    Full,
}

/// How points are earned (section 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewards {
    /// Spend is rounded up to a multiple of this, major units. Default 10.
    pub step: i64,
    /// Tier of customers of whom no tier, or an unknown one, is given. Default bronze.
    pub default_tier: Name,
    /// Points per step by tier. Default bronze 1, silver 2, gold 3.
    pub multipliers: BTreeMap<Name, i64>,
}

impl Default for Rewards {
    fn default() -> Self {
        Self {
            step: 10,
            default_tier: "bronze".into(),
            multipliers: [("bronze".into(), 1), ("silver".into(), 2), ("gold".into(), 3)].into(),
        }
    }
}

/// Who shares in the net revenue of a product (section 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitRule {
    /// The product.
    pub product: Name,
    /// The partners, in declared order; their shares add up to at most 1.
    pub partners: Vec<Partner>,
}

/// One partner of a split rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partner {
    /// What the partner is to the product.
    pub partner_type: PartnerType,
    /// Who.
    pub name: Name,
    /// Share, 0 to 1.
    pub percentage: Decimal,
}

/// What a partner is to a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartnerType {
    /// Carries everything that no other partner does. At most one.
    Owner,
    /// Made it together with the owner.
    Coproducer,
    /// Brought the customer.
    Affiliate,
}

impl PartnerType {
    /// All types.
    pub const ALL: [PartnerType; 3] = [PartnerType::Owner, PartnerType::Coproducer, PartnerType::Affiliate];

    /// The name as settings spell it and as published.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            PartnerType::Owner => "owner",
            PartnerType::Coproducer => "coproducer",
            PartnerType::Affiliate => "affiliate",
        }
    }
}
