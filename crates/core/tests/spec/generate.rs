//! Random histories: few charges, users, transactions and amounts, so that events meet.

use std::sync::Arc;

use daybook_core::calendar::{DAY_MS, Zone};
use daybook_core::event::{Body, ChargeEvent, JournalRecord, Kind, SourcePosition, SpendEvent};
use daybook_core::money::Currency;
use daybook_core::name::Name;
use daybook_core::settings::{FeeSchedule, Partner, PartnerType, PaybackPolicy, Settings, SplitRule};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use rust_decimal::Decimal;

/// 2026-01-01T00:00Z.
pub const START_MS: i64 = 1_767_225_600_000;
const HOUR_MS: i64 = 3_600_000;
/// Events happen within these hours.
const HOURS: i64 = 20 * 24;

/// Events, the settings that they meet, and a way for them to arrive.
#[derive(Clone, Debug)]
pub struct Plan {
    pub settings: Settings,
    pub events: Vec<Body>,
    /// Events by index in order of arrival; all of them, some twice or more.
    pub arrivals: Vec<usize>,
    /// Hours between arrivals, so that time may clear pendings between any two of them.
    pub hours: Vec<i64>,
}

impl Plan {
    /// The records of the arrivals, and at last a tick that is late enough for every pending to have cleared.
    pub fn records(&self, arrivals: &[usize]) -> Vec<JournalRecord> {
        let record = |recorded_at_ms, source_timestamp_ms, body| JournalRecord {
            project: "provider".into(),
            recorded_at_ms,
            source_timestamp_ms,
            source: None,
            body,
        };
        let mut records = vec![record(START_MS, None, Body::Settings(Arc::new(self.settings.clone())))];
        let mut now = START_MS;
        for (index, hours) in arrivals.iter().zip(self.hours.iter().cycle()) {
            let event = &self.events[*index];
            now += hours * HOUR_MS;
            let occurred_at_ms = match event {
                Body::Charge(event) => event.occurred_at_ms,
                Body::Spend(event) => Some(event.occurred_at_ms),
                Body::Settings(_) | Body::Tick => None,
            };
            records.push(record(now, occurred_at_ms, event.clone()));
        }
        records.push(record(START_MS + 200 * DAY_MS, None, Body::Tick));
        records
    }

    /// The records of the arrivals with positions, as one partition of a source topic gives them.
    pub fn positioned(&self) -> Vec<JournalRecord> {
        let mut records = self.records(&self.arrivals);
        let events = records.iter_mut().filter(|r| matches!(r.body, Body::Charge(_) | Body::Spend(_)));
        for (record, offset) in events.zip(0..) {
            record.source = Some(SourcePosition { topic: "charges".into(), partition: 0, offset, item: 0 });
        }
        records
    }

    /// Each event once, as they were drawn.
    pub fn in_order(&self) -> Vec<usize> {
        (0..self.events.len()).collect()
    }
}

/// Plans of up to so many events.
pub fn plans(events_max: usize) -> impl Strategy<Value = Plan> {
    let arrivals = (vec(any::<u32>(), events_max + 6), vec(any::<Index>(), 0..6));
    let hours = vec(prop_oneof![3 => Just(0), 2 => 1..12_i64, 1 => 24..120_i64], 1..8);
    (settings(), vec(bodies(), 1..=events_max), arrivals, hours).prop_map(
        |(settings, mut events, (weights, again), hours)| {
            for (i, body) in (0_u32..).zip(&mut events) {
                match body {
                    Body::Charge(event) => event.identity.event_id = format!("e{i}").into(),
                    // Versions of few events, each once.
                    Body::Spend(event) => event.version = i,
                    Body::Settings(_) | Body::Tick => {}
                }
            }
            let mut arrivals: Vec<usize> = (0..events.len()).collect();
            arrivals.extend(again.iter().map(|i| i.index(events.len())));
            let mut weighed: Vec<(u32, usize)> = weights.into_iter().zip(arrivals).collect();
            weighed.sort_unstable();
            let arrivals = weighed.into_iter().map(|(_, index)| index).collect();
            Plan { settings, events, arrivals, hours }
        },
    )
}

/// Settings with every fee policy, and zones with days that are not 24 hours long.
pub fn settings() -> impl Strategy<Value = Settings> {
    let policy = select(vec![PaybackPolicy::None, PaybackPolicy::Proportional, PaybackPolicy::Full]);
    let zone = select(vec!["UTC", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland"]);
    (policy, zone, 0..600_i64, 0..40_i64, any::<bool>()).prop_map(
        |(payback, zone, percent, fixed, scheduled)| {
            let usd = Currency::parse("USD").unwrap();
            let schedule = FeeSchedule {
                percent: Decimal::new(percent, 2),
                fixed: [(usd, Decimal::new(fixed, 2))].into(),
                payback,
                chargeback_fixed: [(usd, Decimal::new(1_500, 2))].into(),
            };
            let mut settings = Settings {
                zone: Zone::parse(zone).unwrap(),
                currency: Some(usd),
                refund_window_ms: 5 * DAY_MS,
                splits: rules(),
                ..Settings::default()
            };
            if scheduled {
                settings.fees =
                    ["processor", "stripe"].into_iter().map(|p| (p.into(), schedule.clone())).collect();
            }
            settings
        },
    )
}

/// Rules with a declared owner and without, with shares that leave remainders and ties.
fn rules() -> Vec<SplitRule> {
    let partner = |partner_type, name: &str, units, scale| Partner {
        partner_type,
        name: name.into(),
        percentage: Decimal::new(units, scale),
    };
    vec![
        SplitRule {
            product: "p1".into(),
            partners: vec![
                partner(PartnerType::Coproducer, "cleo", 333, 3),
                partner(PartnerType::Affiliate, "ada", 333, 3),
            ],
        },
        SplitRule {
            product: "p2".into(),
            partners: vec![
                partner(PartnerType::Owner, "olga", 5, 1),
                partner(PartnerType::Affiliate, "ada", 25, 2),
                partner(PartnerType::Affiliate, "abe", 25, 2),
            ],
        },
    ]
}

/// Events of all kinds and spend; the caller gives them their ids and versions.
pub fn bodies() -> impl Strategy<Value = Body> {
    prop_oneof![8 => events().prop_map(|e| Body::Charge(Box::new(e))), 1 => spend().prop_map(|s| Body::Spend(Box::new(s)))]
}

fn spend() -> impl Strategy<Value = SpendEvent> {
    let currency = option::of(select(vec!["USD", "KWD"]));
    (0..3_u8, 0..5_000_i64, currency, 0..HOURS, any::<bool>()).prop_map(
        |(id, amount, currency, at, active)| SpendEvent {
            event_id: format!("s{id}").into(),
            version: 0,
            amount: Decimal::new(amount, 2).normalize(),
            currency: currency.and_then(Currency::parse),
            occurred_at_ms: START_MS + at * HOUR_MS,
            is_active: active,
            platform: None,
            campaign: None,
            ad_set: None,
            ad: None,
        },
    )
}

/// Events of all kinds; the caller gives them their ids.
pub fn events() -> impl Strategy<Value = ChargeEvent> {
    let amount = || prop_oneof![4 => select(vec![1_000_i64, 2_500, 4_000, 11_950]), 1 => 1..20_000_i64];
    let fee = || option::weighted(0.3, prop_oneof![0..300_i64, 0..12_000_i64]);
    let name = |names: &[&'static str], chance| option::weighted(chance, select(names.to_vec()));
    let what = (select(Kind::ALL.to_vec()), amount(), any::<bool>(), fee(), fee());
    let whose = (
        select(vec!["ann", "ann", "bob"]),
        name(&["c1", "c1", "c2"], 0.9),
        name(&["t1", "t2", "t3"], 0.6),
        name(&["stripe", "adyen"], 0.3),
        name(&["silver", "gold", "diamond"], 0.4),
        name(&["USD", "USD", "KWD"], 0.5),
        name(&["p1", "p2", "p3"], 0.6),
    );
    let when = (0..HOURS, option::weighted(0.7, 0..10 * 24_i64));
    (what, whose, when).prop_map(|((kind, amount, whole, fee, returned), whose, (at, clears))| {
        let (user, charge, transaction, processor, tier, currency, product) = whose;
        let mut event = ChargeEvent::new("", kind, user);
        let cents = |c: i64| Decimal::new(c, 2).normalize();
        event.amount = (kind.needs_amount() || !whole).then(|| cents(amount));
        event.fee = fee.map(cents);
        event.fee_returned = returned.map(cents);
        event.charge_id = charge.map(Name::from);
        event.transaction = transaction.map(Name::from);
        event.processor = processor.map(Name::from);
        event.tier = tier.map(Name::from);
        event.product = product.map(Name::from);
        event.points_delta = kind.is_points().then_some(amount % 41 - 20);
        event.currency = currency.and_then(Currency::parse);
        // Whole hours, so that some events share their time.
        event.occurred_at_ms = Some(START_MS + at * HOUR_MS);
        event.clears_at_ms =
            clears.filter(|_| kind == Kind::Pending).map(|after| START_MS + (at + after - 24) * HOUR_MS);
        event
    })
}

/// Records with every number and time at or beyond its bounds.
pub fn extremes() -> impl Strategy<Value = JournalRecord> {
    let time = || {
        prop_oneof![
            select(vec![i64::MIN, i64::MAX, 0, -62_135_510_400_000, 253_370_678_399_999]),
            START_MS - DAY_MS..START_MS + DAY_MS,
            any::<i64>(),
        ]
    };
    let number = || {
        prop_oneof![
            select(vec![Decimal::MAX, Decimal::MIN, Decimal::ZERO, Decimal::new(1, 28)]),
            Just(Decimal::new(999_999_999_999_999, 2)),
            (any::<i64>(), 0..=28_u32).prop_map(|(units, scale)| Decimal::new(units, scale)),
        ]
    };
    let numbers = (option::of(number()), option::of(number()), option::of(number()));
    let times = (time(), option::of(time()), option::of(time()), option::of(time()));
    (events(), numbers, times, 0..6_u8, any::<bool>()).prop_map(|(mut event, numbers, times, id, tick)| {
        event.identity.event_id = format!("e{id}").into();
        (event.amount, event.fee, event.fee_returned) = numbers;
        (event.occurred_at_ms, event.clears_at_ms) = (times.1, times.2);
        JournalRecord {
            project: "provider".into(),
            recorded_at_ms: times.0,
            source_timestamp_ms: times.3,
            source: None,
            body: if tick && id == 0 { Body::Tick } else { Body::Charge(Box::new(event)) },
        }
    })
}
