//! Settings at random: zones with changes of their offset, schedules, tiers, split rules with ties.

use std::collections::BTreeMap;

use daybook_core::calendar::Zone;
use daybook_core::money::Currency;
use daybook_core::name::Name;
use daybook_core::settings::{
    FeeSchedule, Partner, PartnerType, PaybackPolicy, Rewards, Settings, SplitRule,
};
use fastrand::Rng;
use rust_decimal::Decimal;

use super::{DAY_MS, World, one_of};

const ZONES: [&str; 8] = [
    "UTC",
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "Asia/Tokyo",
];

/// The currencies of all journals.
pub(crate) fn currencies() -> [Option<Currency>; 4] {
    ["USD", "JPY", "KWD", "EUR"].map(Currency::parse)
}

pub(crate) fn settings(rng: &mut Rng, world: &World) -> Settings {
    let default = Settings::default();
    let currency = currencies()[rng.usize(..world.currencies)];
    Settings {
        zone: Zone::parse(one_of(rng, &ZONES)).unwrap_or(Zone::UTC),
        currency: currency.filter(|_| rng.u32(..12) > 0),
        processor: one_of(rng, &["processor", "stripe", "adyen"]).into(),
        fees: ["stripe", "adyen", "processor"].iter().filter_map(|p| schedule(rng, p)).collect(),
        rewards: rewards(rng),
        splits: ["p1", "p2", "p3"].iter().filter_map(|p| rule(rng, p)).collect(),
        dedupe_horizon_ms: match rng.u32(..10) {
            0 => world.horizon_ms / 2,
            1 => world.horizon_ms * 2,
            _ => world.horizon_ms,
        },
        charge_history_max: world.history_max,
        refund_window_ms: one_of(rng, &[default.refund_window_ms, 2 * DAY_MS, world.pace_ms]),
        chargeback_window_ms: one_of(rng, &[default.chargeback_window_ms, DAY_MS, world.pace_ms]),
        rules_version: default.rules_version,
    }
}

fn schedule(rng: &mut Rng, processor: &str) -> Option<(Name, FeeSchedule)> {
    let percent =
        one_of(rng, &["2.9", "0", "1.5", "3.125", "0.0001", "50", "100", "33.333333", "12.3456789012345"]);
    let payback = one_of(rng, &[PaybackPolicy::None, PaybackPolicy::Proportional, PaybackPolicy::Full]);
    let mut fixed = || {
        let all = currencies().into_iter().flatten();
        let some = all.filter_map(|c| {
            let figure = Decimal::new(rng.i64(0..2_000), c.minor_digits());
            (rng.u32(..3) > 0).then_some((c, figure.normalize()))
        });
        some.collect::<BTreeMap<_, _>>()
    };
    let (fixed, chargeback_fixed) = (fixed(), fixed());
    let percent = percent.parse().unwrap_or_default();
    (rng.u32(..4) > 0).then(|| (processor.into(), FeeSchedule { percent, fixed, payback, chargeback_fixed }))
}

fn rewards(rng: &mut Rng) -> Rewards {
    let default = Rewards::default();
    let step = one_of(rng, &[10, 10, 1, 7, 100]);
    let multipliers = match rng.u32(..4) {
        0 => [("bronze".into(), 2), ("silver".into(), 5), ("platinum".into(), 9)].into(),
        1 => [("bronze".into(), 0), ("gold".into(), 1)].into(),
        _ => default.multipliers.clone(),
    };
    Rewards { step, default_tier: default.default_tier, multipliers }
}

/// A rule with two to four partners: even ones that tie, odd ones, all of it or little; the owner declared or not.
fn rule(rng: &mut Rng, product: &str) -> Option<SplitRule> {
    use PartnerType::{Affiliate, Coproducer, Owner};
    let shares: &[&str] = match rng.u32(..9) {
        0 => &["0.5", "0.5"],
        1 => &["0.25", "0.25", "0.25", "0.25"],
        2 => &["0.333333", "0.333333", "0.333333"],
        3 => &["0.1", "0.1", "0.1"],
        4 => &["0", "0.0001"],
        5 => &["1"],
        6 => &["0.05", "0.15", "0.8"],
        7 => &["0.333333333333333", "0.1", "0.123456789012345"],
        _ => &["0.30", "0.005"],
    };
    let mut names = vec![
        (Coproducer, "Ana"),
        (Affiliate, "Ana"),
        (Affiliate, "Bob"),
        (Coproducer, "Cy"),
        (Affiliate, "acme"),
    ];
    rng.shuffle(&mut names);
    let owner_at = rng.usize(..6);
    let owner = one_of(rng, &["Olga", "acme", "Ana"]);
    let partner = |(i, share): (usize, &&str)| {
        let (partner_type, name) = if i == owner_at { (Owner, owner) } else { names[i] };
        Partner { partner_type, name: name.into(), percentage: share.parse().unwrap_or_default() }
    };
    let partners = shares.iter().enumerate().map(partner).collect();
    (rng.u32(..3) > 0).then(|| SplitRule { product: product.into(), partners })
}
