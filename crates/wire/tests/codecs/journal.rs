//! Journal records: what the bytes say to the reference implementation of Avro, and golden records, which must stay
//! readable for ever.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use apache_avro::Schema;
use apache_avro::types::Value;
use daybook_core::calendar::Zone;
use daybook_core::event::{Body, ChargeEvent, JournalRecord, Kind, SourcePosition, SpendEvent};
use daybook_core::money::{Currency, parse_decimal};
use daybook_core::name::Name;
use daybook_core::settings::Settings;
use daybook_wire::journal::{JournalError, SCHEMA, VERSION, decode, encode};
use daybook_wire::settings::to_json;
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::avro;
use crate::generate::records;

static V1: LazyLock<Schema> = LazyLock::new(|| Schema::parse_str(SCHEMA_V1).unwrap());
static V2: LazyLock<Schema> = LazyLock::new(|| Schema::parse_str(SCHEMA).unwrap());

const SCHEMA_V1: &str = include_str!("../../../../schemas/journal.v1.avsc");

fn bytes(record: &JournalRecord) -> Vec<u8> {
    let mut out = Vec::new();
    encode(record, &mut out);
    out
}

fn union(value: Option<Value>) -> Value {
    value.map_or(Value::Union(0, Box::new(Value::Null)), |v| Value::Union(1, Box::new(v)))
}

fn record(fields: Vec<(&str, Value)>) -> Value {
    Value::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn string(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn int(value: impl TryInto<i32>) -> Value {
    Value::Int(value.try_into().unwrap_or_else(|_| panic!("no int")))
}

/// A record as the Avro value of schemas/journal.v2.avsc.
fn expected(r: &JournalRecord) -> Value {
    let time = |t: Option<i64>| union(t.map(Value::TimestampMillis));
    let source = r.source.as_ref().map(|s| {
        record(vec![
            ("topic", string(&s.topic)),
            ("partition", int(s.partition)),
            ("offset", Value::Long(i64::try_from(s.offset).unwrap())),
            ("item", int(s.item)),
        ])
    });
    let body = match &r.body {
        Body::Charge(event) => Value::Union(0, Box::new(charge(event))),
        Body::Settings(s) => Value::Union(1, Box::new(record(vec![("json", string(&to_json(s)))]))),
        Body::Tick => Value::Union(2, Box::new(record(vec![]))),
        Body::Spend(spend) => Value::Union(3, Box::new(self::spend(spend))),
    };
    record(vec![
        ("project", string(&r.project)),
        ("recorded_at", Value::TimestampMillis(r.recorded_at_ms)),
        ("source_timestamp", time(r.source_timestamp_ms)),
        ("source", union(source)),
        ("body", body),
    ])
}

fn charge(e: &ChargeEvent) -> Value {
    let time = |t: Option<i64>| union(t.map(Value::TimestampMillis));
    let name = |n: &Option<Name>| union(n.as_deref().map(string));
    let number = |d: Option<Decimal>| union(d.map(number_of));
    let kind = u32::try_from(Kind::ALL.iter().position(|k| *k == e.kind).unwrap()).unwrap();
    record(vec![
        ("event_id", string(&e.identity.event_id)),
        ("event_line", int(e.identity.line)),
        ("kind", Value::Enum(kind, e.kind.name().to_owned())),
        ("user", string(&e.user)),
        ("amount", number(e.amount)),
        ("currency", union(e.currency.map(|c| string(c.code())))),
        ("fee", number(e.fee)),
        ("fee_returned", number(e.fee_returned)),
        ("charge_id", name(&e.charge_id)),
        ("order_id", name(&e.order_id)),
        ("transaction", name(&e.transaction)),
        ("product", name(&e.product)),
        ("processor", name(&e.processor)),
        ("tier", name(&e.tier)),
        ("occurred_at", time(e.occurred_at_ms)),
        ("clears_at", time(e.clears_at_ms)),
        ("livemode", Value::Boolean(e.livemode)),
        ("description", name(&e.description)),
        ("card_number_masked", Value::Boolean(e.card_number_masked)),
        ("points_delta", union(e.points_delta.map(Value::Long))),
        ("rounded_spend", number(e.rounded_spend)),
    ])
}

fn number_of(d: Decimal) -> Value {
    let unscaled = i64::try_from(d.mantissa()).unwrap();
    record(vec![("unscaled", Value::Long(unscaled)), ("scale", int(d.scale()))])
}

fn spend(s: &SpendEvent) -> Value {
    let name = |n: &Option<Name>| union(n.as_deref().map(string));
    record(vec![
        ("event_id", string(&s.event_id)),
        ("version", int(s.version)),
        ("amount", number_of(s.amount)),
        ("currency", union(s.currency.map(|c| string(c.code())))),
        ("occurred_at", Value::TimestampMillis(s.occurred_at_ms)),
        ("is_active", Value::Boolean(s.is_active)),
        ("platform", name(&s.platform)),
        ("campaign", name(&s.campaign)),
        ("ad_set", name(&s.ad_set)),
        ("ad", name(&s.ad)),
    ])
}

proptest! {
    #[test]
    fn a_record_is_what_the_schema_says_and_comes_back(r in records()) {
        let bytes = bytes(&r);
        prop_assert_eq!(bytes[0], VERSION);
        prop_assert_eq!(avro::read(&V2, &bytes[1..]).unwrap(), expected(&r));
        prop_assert_eq!(avro::write(&V2, expected(&r)), &bytes[1..]);
        prop_assert_eq!(decode(&bytes).unwrap(), r);
    }

    #[test]
    fn every_truncation_and_extension_is_refused(r in records()) {
        let mut bytes = bytes(&r);
        for length in 0..bytes.len() {
            prop_assert!(decode(&bytes[..length]).is_err(), "{length}");
        }
        bytes.push(0);
        prop_assert!(decode(&bytes).is_err());
    }

    #[test]
    fn no_bytes_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), r in records(), flips in prop::collection::vec(any::<(prop::sample::Index, u8)>(), 1..4)) {
        if let Some(version) = bytes.first_mut() {
            *version = VERSION;
        }
        let _ = decode(&bytes);
        let mut mutated = self::bytes(&r);
        for (at, with) in flips {
            let at = at.index(mutated.len());
            mutated[at] ^= with;
        }
        let _ = decode(&mutated);
    }

    #[test]
    fn an_unknown_version_is_said_to_be_one(version in any::<u8>().prop_filter("known", |v| !(1..=VERSION).contains(v)), r in records()) {
        let mut bytes = bytes(&r);
        bytes[0] = version;
        prop_assert_eq!(decode(&bytes), Err(JournalError::UnknownVersion(version)));
    }
}

/// One record of each shape that a version can write. Names are files; a file is written once and never again.
fn golden(version: u8) -> Vec<(&'static str, JournalRecord)> {
    if version == 1 { golden_v1() } else { golden_v2() }
}

/// What version 2 brought.
fn golden_v2() -> Vec<(&'static str, JournalRecord)> {
    let base = |body| JournalRecord {
        project: "acme".into(),
        recorded_at_ms: 1_768_903_955_000,
        source_timestamp_ms: Some(1_768_903_954_567),
        source: Some(SourcePosition { topic: "spend".into(), partition: 3, offset: 4_711, item: 0 }),
        body,
    };
    let number = |text| parse_decimal(text).unwrap();
    let mut purchase = ChargeEvent::new("tx_123/PENDING", Kind::Pending, "user_abc");
    purchase.amount = Some(number("119.5"));
    purchase.points_delta = Some(24);
    purchase.rounded_spend = Some(number("120"));
    let points = |kind: Kind, points| {
        let mut event = ChargeEvent::new(kind.name(), kind, "u");
        event.points_delta = Some(points);
        base(Body::Charge(Box::new(event)))
    };
    let bare = SpendEvent {
        event_id: "s1".into(),
        version: 1,
        amount: Decimal::ZERO,
        currency: None,
        occurred_at_ms: 1_768_950_754_567,
        is_active: true,
        platform: None,
        campaign: None,
        ad_set: None,
        ad: None,
    };
    let full = SpendEvent {
        version: 2_147_483_647,
        amount: number("999999999999.99"),
        currency: Currency::parse("USD"),
        is_active: false,
        platform: Some("meta".into()),
        campaign: Some("c1".into()),
        ad_set: Some("s1".into()),
        ad: Some("a1".into()),
        ..bare.clone()
    };
    vec![
        ("purchase", base(Body::Charge(Box::new(purchase)))),
        ("points_redeem", points(Kind::PointsRedeem, -10)),
        ("points_adjust", points(Kind::PointsAdjust, i64::MAX)),
        ("spend", base(Body::Spend(Box::new(bare)))),
        ("spend_every_field", base(Body::Spend(Box::new(full)))),
        ("settings", base(Body::Settings(Arc::new(Settings::default())))),
        ("tick", base(Body::Tick)),
    ]
}

fn golden_v1() -> Vec<(&'static str, JournalRecord)> {
    let base = |body| JournalRecord {
        project: "acme".into(),
        recorded_at_ms: 1_768_903_955_000,
        source_timestamp_ms: Some(1_768_903_954_567),
        source: Some(SourcePosition { topic: "charges".into(), partition: 3, offset: 4_711, item: 1 }),
        body,
    };
    let number = |text| Some(parse_decimal(text).unwrap());
    let mut payment = ChargeEvent::new("7f9c1f1e-pay", Kind::Payment, "user@example.com");
    payment.amount = number("271.28");
    payment.currency = Currency::parse("USD");
    let mut full = ChargeEvent::new("évt/CLEARED", Kind::Pending, "user_abc");
    full.identity.line = 2;
    full.amount = number("119.5");
    full.currency = Currency::parse("KWD");
    full.fee = number("0.001");
    full.fee_returned = number("0");
    full.charge_id = Some("ch_1".into());
    full.order_id = Some("ORD-45678".into());
    full.transaction = Some("tx_123".into());
    full.product = Some("p17".into());
    full.processor = Some("stripe".into());
    full.tier = Some("silver".into());
    full.occurred_at_ms = Some(1_768_950_754_567);
    full.clears_at_ms = Some(1_769_037_154_567);
    full.livemode = false;
    full.description = Some("card ************4242\nthanks".into());
    full.card_number_masked = true;
    let mut bounds = ChargeEvent::new("i".repeat(256), Kind::RefundRest, "u");
    bounds.amount = number("999999999999999");
    bounds.fee = number("-1e-20");
    bounds.occurred_at_ms = Some(-62_135_510_400_000);
    let schedule = daybook_core::settings::FeeSchedule {
        percent: parse_decimal("2.9").unwrap(),
        fixed: [(Currency::parse("USD").unwrap(), parse_decimal("0.30").unwrap())].into(),
        ..Default::default()
    };
    let settings = Settings {
        zone: Zone::parse("America/New_York").unwrap(),
        currency: Currency::parse("USD"),
        processor: "stripe".into(),
        fees: [("stripe".into(), schedule)].into(),
        ..Settings::default()
    };
    let mut all: Vec<(&'static str, JournalRecord)> = vec![
        ("payment", base(Body::Charge(Box::new(payment)))),
        ("every_field", base(Body::Charge(Box::new(full)))),
        ("bounds", base(Body::Charge(Box::new(bounds)))),
        ("settings", base(Body::Settings(Arc::new(settings)))),
        ("settings_default", base(Body::Settings(Arc::new(Settings::default())))),
        (
            "tick",
            JournalRecord {
                project: "acme~test".into(),
                source_timestamp_ms: None,
                source: None,
                ..base(Body::Tick)
            },
        ),
    ];
    for kind in Kind::ALL.into_iter().filter(|kind| !kind.is_points()) {
        let mut event = ChargeEvent::new(kind.name(), kind, "u");
        event.amount = number("1");
        event.currency = Currency::parse("EUR");
        all.push((kind.name(), base(Body::Charge(Box::new(event)))));
    }
    // The kind's own record has its name; the first of the list is a fuller payment.
    all[0].0 = "track_payment";
    all
}

/// The decoded form as text, so that a change of the types can't change it unnoticed.
fn describe(record: &JournalRecord) -> String {
    let JournalRecord { project, recorded_at_ms, source_timestamp_ms, source, body } = record;
    let body = match body {
        Body::Settings(settings) => format!("Settings({})", to_json(settings)),
        body => format!("{body:#?}"),
    };
    // Fields that a later version brought say nothing where they are not set.
    let later = ["points_delta: None,", "rounded_spend: None,"];
    let known = |line: &&str| !later.contains(&line.trim());
    let body = body.lines().filter(known).collect::<Vec<_>>().join("\n");
    format!("{project} recorded {recorded_at_ms} source {source_timestamp_ms:?} {source:?}\n{body}\n")
}

fn golden_files(version: u8, name: &str) -> (PathBuf, PathBuf) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/journal.v{version}"));
    (folder.join(format!("{name}.bin")), folder.join(format!("{name}.txt")))
}

#[test]
fn golden_records_of_all_versions_decode_for_ever() {
    let all = (1..=VERSION).flat_map(|version| golden(version).into_iter().map(move |g| (version, g)));
    for (version, (name, record)) in all {
        let (bin, text) = golden_files(version, name);
        let bytes = std::fs::read(&bin).unwrap_or_else(|e| panic!("{}: {e}", bin.display()));
        assert_eq!(bytes[0], version, "{name}");
        let decoded = decode(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(decoded, record, "{name}");
        assert_eq!(describe(&decoded), std::fs::read_to_string(text).unwrap(), "{name}");
        let schema = if version == 1 { &V1 } else { &V2 };
        avro::read(schema, &bytes[1..]).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

/// `cargo test -p daybook-wire -- --ignored bless_golden_records` writes the files that are missing. One that is
/// there is never written again: journals hold its like.
#[test]
#[ignore = "writes files"]
fn bless_golden_records() {
    for (name, record) in golden(VERSION) {
        let (bin, text) = golden_files(VERSION, name);
        if !bin.exists() {
            std::fs::write(bin, bytes(&record)).unwrap();
            std::fs::write(text, describe(&record)).unwrap();
        }
    }
}
