//! A project's settings: the example of contracts.md, what comes back, and every fault with its key.

use daybook_core::calendar::{DAY_MS, Zone};
use daybook_core::money::{Currency, parse_decimal};
use daybook_core::settings::{
    FeeSchedule, Partner, PartnerType, PaybackPolicy, Rewards, Settings, SplitRule,
};
use daybook_wire::settings::{parse, parse_of, to_json};
use proptest::prelude::*;

use crate::generate::settings;

fn decimal(text: &str) -> rust_decimal::Decimal {
    parse_decimal(text).unwrap()
}

#[test]
fn the_example_of_the_contract() {
    let json = r#"{
        "timezone": "America/New_York", "currency": "USD", "processor": "stripe",
        "fees": { "stripe": {
            "percent": "2.9", "fixed": { "USD": "0.30" }, "payback": "none", "chargeback_fixed": { "USD": "15.00" } } },
        "rewards": {
            "step": "10", "default_tier": "bronze", "multipliers": { "bronze": 1, "silver": 2, "gold": 3 } },
        "splits": [ {
            "product": "p17", "partners": [ { "type": "coproducer", "name": "Ana", "percentage": "0.3" } ] } ]
    }"#;
    let usd = Currency::parse("USD").unwrap();
    let expected = Settings {
        zone: Zone::parse("America/New_York").unwrap(),
        currency: Some(usd),
        processor: "stripe".into(),
        fees: [(
            "stripe".into(),
            FeeSchedule {
                percent: decimal("2.9"),
                fixed: [(usd, decimal("0.30"))].into(),
                payback: PaybackPolicy::None,
                chargeback_fixed: [(usd, decimal("15.00"))].into(),
            },
        )]
        .into(),
        rewards: Rewards::default(),
        splits: vec![SplitRule {
            product: "p17".into(),
            partners: vec![Partner {
                partner_type: PartnerType::Coproducer,
                name: "Ana".into(),
                percentage: decimal("0.3"),
            }],
        }],
        ..Settings::default()
    };
    let parsed = parse(json.as_bytes()).unwrap();
    assert_eq!(parsed, expected);
    assert_eq!(parse(to_json(&parsed).as_bytes()).unwrap(), expected);
}

#[test]
fn no_settings_are_the_defaults() {
    let defaults = parse(b"{}").unwrap();
    assert_eq!(defaults, Settings::default());
    assert_eq!(defaults.zone, Zone::UTC);
    assert_eq!(&*defaults.processor, "processor");
    assert_eq!(defaults.dedupe_horizon_ms, 400 * DAY_MS);
    assert_eq!(defaults.charge_history_max, 1_000);
    assert_eq!((defaults.refund_window_ms, defaults.chargeback_window_ms), (90 * DAY_MS, 120 * DAY_MS));
    let every_key = concat!(
        r#"{"charges":{"chargeback_window_days":120,"history_max":1000,"refund_window_days":90},"#,
        r#""dedupe":{"horizon_days":400},"fees":{},"processor":"processor","#,
        r#""rewards":{"default_tier":"bronze","multipliers":{"bronze":1,"gold":3,"silver":2},"step":10},"#,
        r#""rules_version":1,"splits":[],"timezone":"UTC"}"#,
    );
    assert_eq!(to_json(&defaults), every_key);
}

#[test]
fn bounds_and_other_ways_to_write_it() {
    let json = r#"{"timezone":"utc","currency":"usd","dedupe":{"horizon_days":"36525"},"charges":{"history_max":4000},
        "fees":{"s":{"percent":2.90,"fixed":{"jpy":30}}},"rewards":{"multipliers":{"bronze":0}}}"#;
    let settings = parse(json.as_bytes()).unwrap();
    assert_eq!(settings.currency, Currency::parse("USD"));
    assert_eq!(settings.dedupe_horizon_ms, 36_525 * DAY_MS);
    assert_eq!(settings.fees["s"].percent, decimal("2.9"));
    assert_eq!(settings.fees["s"].payment_fee(1_000, Currency::parse("JPY").unwrap()), 59);
    assert_eq!(settings.rewards.multipliers.len(), 1);
    assert_eq!(parse(to_json(&settings).as_bytes()).unwrap(), settings);
}

fn check(json: &str, reason: &str, key: &str) {
    match parse(json.as_bytes()) {
        Ok(settings) => panic!("{json} is {settings:?}"),
        Err(fault) => {
            assert_eq!((fault.reason.code(), fault.key.as_str()), (reason, key), "{json}: {fault}");
            assert!(!fault.message.is_empty());
        }
    }
}

#[test]
fn settings_invalid() {
    for (json, key) in [
        ("", ""),
        ("[]", ""),
        ("5", ""),
        (r#"{"currency":"USD","currency":"EUR"}"#, ""),
        (r#"{"time_zone":"UTC"}"#, "time_zone"),
        (r#"{"timezone":"Mars/Base"}"#, "timezone"),
        (r#"{"timezone":"+02:00"}"#, "timezone"),
        (r#"{"timezone":""}"#, "timezone"),
        (r#"{"timezone":2}"#, "timezone"),
        (r#"{"timezone":null}"#, "timezone"),
        (r#"{"currency":"XAU"}"#, "currency"),
        (r#"{"currency":""}"#, "currency"),
        (r#"{"processor":""}"#, "processor"),
        (r#"{"processor":"a\nb"}"#, "processor"),
        (r#"{"fees":5}"#, "fees"),
        (r#"{"fees":{"":{}}}"#, "fees."),
        (r#"{"fees":{"stripe":5}}"#, "fees.stripe"),
        (r#"{"fees":{"stripe":{"per_cent":1}}}"#, "fees.stripe.per_cent"),
        (r#"{"fees":{"stripe":{"percent":"-0.1"}}}"#, "fees.stripe.percent"),
        (r#"{"fees":{"stripe":{"percent":100.1}}}"#, "fees.stripe.percent"),
        (r#"{"fees":{"stripe":{"percent":"2,9"}}}"#, "fees.stripe.percent"),
        (r#"{"fees":{"stripe":{"percent":true}}}"#, "fees.stripe.percent"),
        (r#"{"fees":{"stripe":{"fixed":0.3}}}"#, "fees.stripe.fixed"),
        (r#"{"fees":{"stripe":{"fixed":{"XYZ":"1"}}}}"#, "fees.stripe.fixed.XYZ"),
        (r#"{"fees":{"stripe":{"fixed":{"USD":"0.305"}}}}"#, "fees.stripe.fixed.USD"),
        (r#"{"fees":{"stripe":{"fixed":{"USD":"-1"}}}}"#, "fees.stripe.fixed.USD"),
        (r#"{"fees":{"stripe":{"chargeback_fixed":{"JPY":0.5}}}}"#, "fees.stripe.chargeback_fixed.JPY"),
        (r#"{"fees":{"stripe":{"payback":"half"}}}"#, "fees.stripe.payback"),
        (r#"{"rewards":{"steps":10}}"#, "rewards.steps"),
        (r#"{"rewards":{"step":0}}"#, "rewards.step"),
        (r#"{"rewards":{"step":2.5}}"#, "rewards.step"),
        (r#"{"rewards":{"default_tier":"diamond"}}"#, "rewards.default_tier"),
        (r#"{"rewards":{"multipliers":{"silver":2}}}"#, "rewards.default_tier"),
        (r#"{"rewards":{"multipliers":{"bronze":-1}}}"#, "rewards.multipliers.bronze"),
        (r#"{"rewards":{"multipliers":{"bronze":1.5}}}"#, "rewards.multipliers.bronze"),
        (r#"{"rewards":{"multipliers":{"":1}}}"#, "rewards.multipliers."),
        (r#"{"dedupe":{"horizon":400}}"#, "dedupe.horizon"),
        (r#"{"dedupe":{"horizon_days":0}}"#, "dedupe.horizon_days"),
        (r#"{"dedupe":{"horizon_days":36526}}"#, "dedupe.horizon_days"),
        (r#"{"charges":{"history":1}}"#, "charges.history"),
        (r#"{"charges":{"history_max":0}}"#, "charges.history_max"),
        (r#"{"charges":{"history_max":4001}}"#, "charges.history_max"),
        (r#"{"charges":{"refund_window_days":-1}}"#, "charges.refund_window_days"),
        (r#"{"charges":{"chargeback_window_days":"x"}}"#, "charges.chargeback_window_days"),
        (r#"{"rules_version":2}"#, "rules_version"),
        (r#"{"rules_version":0}"#, "rules_version"),
    ] {
        check(json, "settings_invalid", key);
    }
}

#[test]
fn split_rule_invalid() {
    let rule = |partners: &str| format!(r#"{{"splits":[{{"product":"p","partners":[{partners}]}}]}}"#);
    let ana = |more: &str| format!(r#"{{"type":"affiliate","name":"Ana","percentage":"0.6"{more}}}"#);
    for (json, key) in [
        (r#"{"splits":{}}"#.to_owned(), "splits"),
        (r#"{"splits":[5]}"#.to_owned(), "splits[0].product"),
        (r#"{"splits":[{"partners":[]}]}"#.to_owned(), "splits[0].product"),
        (r#"{"splits":[{"product":"","partners":[]}]}"#.to_owned(), "splits[0].product"),
        (
            r#"{"splits":[{"product":"p","partners":[]},{"product":"p","partners":[]}]}"#.to_owned(),
            "splits[1].product",
        ),
        (r#"{"splits":[{"product":"p"}]}"#.to_owned(), "splits[0].partners"),
        (r#"{"splits":[{"product":"p","partners":[],"note":1}]}"#.to_owned(), "splits[0].note"),
        (rule("5"), "splits[0].partners[0]"),
        (rule("{}"), "splits[0].partners[0]"),
        (rule(r#"{"type":"affiliate","name":"Ana"}"#), "splits[0].partners[0]"),
        (rule(&ana(r#","share":1"#)), "splits[0].partners[0].share"),
        (rule(&ana("").replace("affiliate", "friend")), "splits[0].partners[0].type"),
        (rule(&ana("").replace("Ana", "")), "splits[0].partners[0].name"),
        (rule(&ana("").replace("0.6", "1.1")), "splits[0].partners[0].percentage"),
        (rule(&ana("").replace("0.6", "-0.1")), "splits[0].partners[0].percentage"),
        (rule(&ana("").replace("0.6", "60%")), "splits[0].partners[0].percentage"),
        (rule(&format!("{},{}", ana(""), ana(""))), "splits[0]"),
        (rule(&format!("{0},{0}", ana("").replace("affiliate", "owner").replace("0.6", "0.1"))), "splits[0]"),
    ] {
        check(&json, "split_rule_invalid", key);
    }
}

/// What settings to come can't be, but journals may hold.
#[test]
fn settings_that_are_readable_and_refused() {
    let of = |json: &str| {
        assert!(parse(json.as_bytes()).is_ok(), "{json}");
        let fault = parse_of("acme", json.as_bytes()).unwrap_err();
        (fault.reason.code(), fault.key)
    };
    assert_eq!(of(r#"{"processor":"acme"}"#), ("settings_invalid", "processor".to_owned()));
    let ana = r#"{"type":"affiliate","name":"Ana","percentage":"0.1"}"#;
    let twice = format!(r#"{{"splits":[{{"product":"p","partners":[{ana},{ana}]}}]}}"#);
    assert_eq!(of(&twice), ("split_rule_invalid", "splits[0]".to_owned()));
}

proptest! {
    #[test]
    fn settings_come_back(settings in settings()) {
        prop_assert_eq!(parse(to_json(&settings).as_bytes()).unwrap(), settings);
    }

    #[test]
    fn the_same_settings_have_one_text(settings in settings()) {
        let json = to_json(&settings);
        prop_assert_eq!(to_json(&parse(json.as_bytes()).unwrap()), json);
    }
}
