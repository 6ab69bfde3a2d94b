//! Random values of the projector's types, within the bounds that intake keeps.

use std::sync::Arc;

use daybook_core::calendar::{DAY_MS, Day, Zone};
use daybook_core::event::{Body, ChargeEvent, Identity, JournalRecord, Kind, SourcePosition, SpendEvent};
use daybook_core::money::Currency;
use daybook_core::name::{Name, is_valid_name};
use daybook_core::settings::{
    FeeSchedule, Partner, PartnerType, PaybackPolicy, Rewards, Settings, SplitRule,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use rust_decimal::Decimal;

/// Valid names, some with what JSON has to escape.
pub fn names() -> impl Strategy<Value = Name> {
    prop_oneof![
        4 => "[a-z0-9_]{1,12}",
        1 => "\\PC{1,40}",
        1 => "[\"\\\\/ é€😀\u{7f}-\u{2028}]{1,12}",
    ]
    .prop_filter("valid", |s| is_valid_name(s))
    .prop_map(Name::from)
}

/// Free text, control characters but NUL included.
pub fn texts() -> impl Strategy<Value = Name> {
    prop_oneof!["[\u{1}-\u{ff}]{1,20}", "\\PC{1,60}"].prop_map(Name::from)
}

pub fn currencies() -> impl Strategy<Value = Currency> {
    select(vec!["USD", "JPY", "KWD", "EUR", "CLF", "BRL"]).prop_map(|code| Currency::parse(code).unwrap())
}

/// Numbers as `parse_decimal` gives them.
pub fn decimals() -> impl Strategy<Value = Decimal> {
    let digits = 999_999_999_999_999_i64;
    (-digits..=digits, 0..=28_u32).prop_map(|(units, scale)| Decimal::new(units, scale).normalize())
}

/// Times of the years 1 to 9998.
pub fn times() -> impl Strategy<Value = i64> {
    prop_oneof![-62_135_510_400_000..253_370_678_400_000_i64, 1_767_225_600_000..1_798_761_600_000_i64]
}

pub fn days() -> impl Strategy<Value = Day> {
    (1..=9_999_i16, 1..=12_i8, 1..=28_i8).prop_map(|(y, m, d)| Day::new(y, m, d).unwrap())
}

/// Numbers from 0 that fit a long.
pub fn counts() -> impl Strategy<Value = u64> {
    prop_oneof![0..1_000_u64, 0..=i64::MAX as u64]
}

pub fn lines() -> impl Strategy<Value = u32> {
    prop_oneof![0..4_u32, 0..=i32::MAX as u32]
}

pub fn identities() -> impl Strategy<Value = Identity> {
    (names(), lines()).prop_map(|(event_id, line)| Identity { event_id, line })
}

pub fn positions() -> impl Strategy<Value = SourcePosition> {
    (names(), lines(), counts(), lines()).prop_map(|(topic, partition, offset, item)| SourcePosition {
        topic,
        partition,
        offset,
        item,
    })
}

pub fn events() -> impl Strategy<Value = ChargeEvent> {
    let numbers = (option::of(decimals()), option::of(decimals()), option::of(decimals()));
    let ids = (option::of(names()), option::of(names()), option::of(names()));
    let more = (option::of(names()), option::of(names()), option::of(names()), option::of(texts()));
    let when = (option::of(times()), option::of(times()));
    let who = (identities(), select(Kind::ALL.to_vec()), names(), option::of(currencies()));
    let believed = (option::of(any::<i64>()), option::of(decimals()));
    (who, numbers, ids, more, when, any::<(bool, bool)>(), believed).prop_map(
        |(who, numbers, ids, more, when, flags, believed)| ChargeEvent {
            identity: who.0,
            kind: who.1,
            user: who.2,
            currency: who.3,
            amount: numbers.0,
            fee: numbers.1,
            fee_returned: numbers.2,
            charge_id: ids.0,
            order_id: ids.1,
            transaction: ids.2,
            product: more.0,
            processor: more.1,
            tier: more.2,
            description: more.3,
            occurred_at_ms: when.0,
            clears_at_ms: when.1,
            livemode: flags.0,
            card_number_masked: flags.1,
            points_delta: believed.0,
            rounded_spend: believed.1,
        },
    )
}

pub fn spend_events() -> impl Strategy<Value = SpendEvent> {
    let ids = (option::of(names()), option::of(names()), option::of(names()), option::of(names()));
    let what = (names(), lines(), decimals(), option::of(currencies()), times(), any::<bool>());
    (what, ids).prop_map(|(what, (platform, campaign, ad_set, ad))| SpendEvent {
        event_id: what.0,
        version: what.1,
        amount: what.2,
        currency: what.3,
        occurred_at_ms: what.4,
        is_active: what.5,
        platform,
        campaign,
        ad_set,
        ad,
    })
}

fn schedules() -> impl Strategy<Value = FeeSchedule> {
    let amounts = || {
        btree_map(currencies(), (0..100_000_i64).prop_map(|units| Decimal::new(units, 0).normalize()), 0..3)
    };
    let policy = select(vec![PaybackPolicy::None, PaybackPolicy::Proportional, PaybackPolicy::Full]);
    (0..=100_000_i64, amounts(), policy, amounts()).prop_map(|(percent, fixed, payback, chargeback_fixed)| {
        FeeSchedule { percent: Decimal::new(percent, 3).normalize(), fixed, payback, chargeback_fixed }
    })
}

fn splits() -> impl Strategy<Value = Vec<SplitRule>> {
    let partner = (names(), 0..=3_333_i64, any::<bool>());
    let rule = (vec(partner, 0..3), any::<bool>()).prop_map(|(partners, owned)| {
        let partner_type = |i: usize, affiliate: bool| match (i, affiliate) {
            (0, _) if owned => PartnerType::Owner,
            (_, true) => PartnerType::Affiliate,
            _ => PartnerType::Coproducer,
        };
        let partner = |(i, (name, share, affiliate)): (usize, (Name, i64, bool))| Partner {
            partner_type: partner_type(i, affiliate),
            name,
            percentage: Decimal::new(share, 4).normalize(),
        };
        partners.into_iter().enumerate().map(partner).collect::<Vec<_>>()
    });
    btree_map(names(), rule, 0..3).prop_map(|rules| {
        rules.into_iter().map(|(product, partners)| SplitRule { product, partners }).collect()
    })
}

/// Settings that their reader can give.
pub fn settings() -> impl Strategy<Value = Settings> {
    let zone = select(vec!["UTC", "America/New_York", "Asia/Kathmandu", "Etc/GMT+12"]);
    let rewards = (1..1_000_i64, btree_map(names(), 0..1_000_i64, 1..4)).prop_map(|(step, multipliers)| {
        Rewards { step, default_tier: multipliers.keys().next().unwrap().clone(), multipliers }
    });
    let days = (1..=36_525_i64, 1..=36_525_i64, 1..=36_525_i64);
    let fees = btree_map(names(), schedules(), 0..3);
    (zone, option::of(currencies()), names(), fees, rewards, splits(), days, 1..=4_000_u32).prop_map(
        |(zone, currency, processor, fees, rewards, splits, days, charge_history_max)| Settings {
            zone: Zone::parse(zone).unwrap(),
            currency,
            processor,
            fees,
            rewards,
            splits,
            dedupe_horizon_ms: days.0 * DAY_MS,
            charge_history_max,
            refund_window_ms: days.1 * DAY_MS,
            chargeback_window_ms: days.2 * DAY_MS,
            rules_version: 1,
        },
    )
}

pub fn records() -> impl Strategy<Value = JournalRecord> {
    let body = prop_oneof![
        6 => events().prop_map(|event| Body::Charge(Box::new(event))),
        2 => spend_events().prop_map(|event| Body::Spend(Box::new(event))),
        2 => settings().prop_map(|settings| Body::Settings(Arc::new(settings))),
        1 => Just(Body::Tick),
    ];
    (names(), any::<i64>(), option::of(any::<i64>()), option::of(positions()), body).prop_map(
        |(project, recorded_at_ms, source_timestamp_ms, source, body)| JournalRecord {
            project,
            recorded_at_ms,
            source_timestamp_ms,
            source,
            body,
        },
    )
}
