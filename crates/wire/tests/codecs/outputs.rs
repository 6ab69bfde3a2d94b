//! Output records: canonical JSON with exactly the fields of their schemas.

use apache_avro::Schema;
use daybook_core::calendar::Day;
use daybook_core::charge_state::ChargeState;
use daybook_core::daily::{AllocationRow, Columns, DayRow, Kpis, MonthRow, Stamp};
use daybook_core::entry::{Entry, EntryKind, Posting};
use daybook_core::event::Kind;
use daybook_core::flags::{Flag, Flags};
use daybook_core::money::Currency;
use daybook_core::organization::{AccountBalance, ClientProfile, PointsBalance};
use daybook_core::party::Account;
use daybook_core::rewards::{Points, PointsChange, PointsStatus};
use daybook_core::settings::PartnerType;
use daybook_core::splits::{Allocation, PartnerKey, Share};
use daybook_core::state::{AllocationKey, DayView, Row};
use daybook_wire::avro::Nulls;
use daybook_wire::output::{self, Datum};
use daybook_wire::topic::Topic;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value as Json;

use crate::avro;
use crate::generate::{counts, currencies, days, decimals, identities, lines, names, texts, times};

/// The JSON must be canonical and of the schema; the Avro must be what the reference writes of the same value, and is read
/// back as that JSON.
fn check(topic: Topic, json: &str, datum: &Datum) -> Result<(), String> {
    let path = format!("{}/../../schemas/{}.avsc", env!("CARGO_MANIFEST_DIR"), topic.name());
    let text = std::fs::read_to_string(path).unwrap();
    let (schema, as_json) = (Schema::parse_str(&text).unwrap(), serde_json::from_str::<Json>(&text).unwrap());
    let value: Json = serde_json::from_str(json).map_err(|e| format!("{e}: {json}"))?;
    let mut canonical = String::new();
    write_canonical(&value, &mut canonical);
    if canonical != json {
        return Err(format!("not canonical:\n{json}\n{canonical}"));
    }
    let bytes = avro::write(&schema, avro::of_json(&as_json, &value)?);
    if bytes != datum.0 {
        return Err(format!("not as the reference writes it: {json}\n{bytes:?}\n{:?}", datum.0));
    }
    let read = daybook_wire::avro::Schema::parse(&text).map_err(|e| e.to_string())?;
    let read = read.json_of(&datum.0, Nulls::Kept).map_err(|e| e.to_string())?;
    if read == json { Ok(()) } else { Err(format!("read back as\n{read}\n{json}")) }
}

/// RFC 8785, but integers in full digits: keys sorted by UTF-16 units, no spaces, the shortest escapes.
fn write_canonical(value: &Json, out: &mut String) {
    match value {
        Json::Object(members) => {
            let mut members: Vec<(&String, &Json)> = members.iter().collect();
            members.sort_by_key(|(key, _)| key.encode_utf16().collect::<Vec<u16>>());
            out.push('{');
            for (i, (key, value)) in members.into_iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                write_canonical(&Json::String(key.clone()), out);
                out.push(':');
                write_canonical(value, out);
            }
            out.push('}');
        }
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { "," });
                write_canonical(item, out);
            }
            out.push(']');
        }
        // serde_json writes strings as RFC 8785 does, and numbers as they were read.
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn holds(verdict: Result<(), String>) -> Result<(), TestCaseError> {
    verdict.map_err(TestCaseError::fail)
}

fn flags() -> impl Strategy<Value = Flags> {
    vec(select(Flag::ALL.to_vec()), 0..4).prop_map(|raised| {
        let mut flags = Flags::default();
        raised.into_iter().for_each(|flag| flags.raise(flag));
        flags
    })
}

fn postings() -> impl Strategy<Value = Posting> {
    let account = || select(Account::ALL.to_vec());
    (names(), account(), names(), account(), 1..=i64::MAX, names()).prop_map(
        |(from, of, to, at, amount, provider)| Posting {
            orig_organization: from,
            orig_account: of,
            dest_organization: to,
            dest_account: at,
            amount_minor: amount,
            provider,
        },
    )
}

prop_compose! {
    fn entries()(
        project in names(),
        numbers in (counts(), counts(), option::of(counts())),
        kind in select(Kind::ALL.to_vec()),
        ids in (identities(), option::of(identities()), option::of(names()), option::of(texts())),
        when in (times(), times(), days(), option::of(times())),
        currency in currencies(),
        state in select(ChargeState::ALL.to_vec()),
        flags in flags(),
        postings in vec(postings(), 0..5),
    ) -> Entry {
        let (entry_number, journal_sequence, corrects) = numbers;
        let (identity, caused_by, charge_id, descr) = ids;
        let (occurred_at_ms, recorded_at_ms, economic_day, source_timestamp_ms) = when;
        let primary = EntryKind::Primary(kind);
        Entry {
            project,
            entry_number,
            kind: corrects.map_or(primary, |corrects| EntryKind::Adjustment { corrects }),
            identity,
            clearing: false,
            caused_by,
            charge_id,
            occurred_at_ms,
            recorded_at_ms,
            economic_day,
            currency,
            charge_state: state,
            flags,
            descr,
            postings,
            journal_sequence,
            source_timestamp_ms,
        }
    }
}

prop_compose! {
    fn changes()(
        ids in (names(), names(), identities(), option::of(names()), names()),
        numbers in (any::<[i64; 4]>(), any::<i64>(), counts()),
        status in select(vec![PointsStatus::Pending, PointsStatus::Available, PointsStatus::Reversed]),
        when in (times(), days()),
        flags in flags(),
    ) -> PointsChange {
        let (project, user, identity, charge_id, tier) = ids;
        let ([pending, available, pending_balance, available_balance], rounded_spend, journal_sequence) = numbers;
        PointsChange {
            project,
            user,
            identity,
            charge_id,
            status,
            delta: Points { pending, available },
            balance: Points { pending: pending_balance, available: available_balance },
            tier,
            rounded_spend,
            occurred_at_ms: when.0,
            economic_day: when.1,
            flags,
            journal_sequence,
            source_timestamp_ms: None,
        }
    }
}

fn partners() -> impl Strategy<Value = PartnerKey> {
    (select(PartnerType::ALL.to_vec()), names())
        .prop_map(|(partner_type, name)| PartnerKey { partner_type, name })
}

prop_compose! {
    fn stamps()(revision in counts(), as_of_ms in times(), journal_sequence in counts()) -> Stamp {
        Stamp { revision, as_of_ms, journal_sequence, cause: 0 }
    }
}

proptest! {
    #[test]
    fn entries_are_of_their_schema(entry in entries(), hash in any::<[u8; 32]>()) {
        let (mut json, mut datum) = (String::new(), Datum::default());
        output::entry(&entry, &hash, &mut json);
        output::entry(&entry, &hash, &mut datum);
        holds(check(Topic::LedgerEntries, &json, &datum))?;
    }

    #[test]
    fn points_are_of_their_schema(change in changes()) {
        let (mut json, mut datum) = (String::new(), Datum::default());
        output::points(&change, &mut json);
        output::points(&change, &mut datum);
        holds(check(Topic::RewardsPoints, &json, &datum))?;
    }

    #[test]
    fn rows_by_day_and_month_are_of_their_schemas(
        ids in (names(), days(), currencies()),
        sums in any::<[i32; 10]>(),
        kpis in any::<[i32; 6]>(),
        stamp in stamps(),
    ) {
        // Sums of a few thousand amounts at most, so that a schema's long holds their differences.
        let sum = |i: usize| i128::from(sums[i]) * 100_000_000;
        let columns = Columns {
            gross_sales_minor: sum(0),
            refunds_minor: sum(1),
            chargebacks_minor: sum(2),
            platform_fees_minor: sum(3),
            transaction_count: sums[4].into(),
            refund_count: sums[5].into(),
            chargeback_count: sums[6].into(),
            affiliate_fees_minor: sum(7),
            coproducer_fees_minor: sum(8),
            ad_spend_minor: sum(9),
        };
        let kpis = Kpis {
            billed_minor: kpis[0].into(),
            paybacks_minor: kpis[1].into(),
            outstanding_minor: kpis[2].into(),
            points_issued: kpis[3].into(),
            points_redeemed: kpis[4].into(),
            points_reversed: kpis[5].into(),
        };
        let row = DayRow {
            columns,
            kpis,
            revenue: stamp,
            spend: stamp,
            profit: stamp,
            owner_profit: stamp,
            kpi: stamp,
        };
        let (project, day, currency) = ids;
        for view in DayView::ALL {
            row_is_of_its_schema(&project, &Row::Day { view, day, currency, row: &row })?;
        }
        let row = MonthRow { columns, profit: stamp };
        row_is_of_its_schema(&project, &Row::Month { month: day.month(), currency, row: &row })?;
    }

    #[test]
    fn allocations_are_of_their_schemas(
        ids in (names(), option::of(names()), identities(), option::of(names())),
        when in (days(), currencies(), counts()),
        shares in vec((partners(), decimals(), any::<i64>()), 0..4),
        row in (partners(), any::<i64>(), stamps()),
    ) {
        let share = |(partner, percentage, minor): (PartnerKey, _, i64)| Share {
            partner,
            percentage,
            amount_minor: minor.into(),
        };
        let allocation = Allocation {
            project: ids.0.clone(),
            charge_id: ids.1,
            identity: ids.2,
            product: ids.3,
            economic_day: when.0,
            currency: when.1,
            shares: shares.into_iter().map(share).collect(),
            journal_sequence: when.2,
            source_timestamp_ms: None,
        };
        let (mut json, mut datum) = (String::new(), Datum::default());
        output::allocation(&allocation, &mut json);
        output::allocation(&allocation, &mut datum);
        holds(check(Topic::RevenueAllocations, &json, &datum))?;
        let key = AllocationKey { day: when.0, currency: when.1, partner: row.0 };
        let row = AllocationRow { total_minor: row.1.into(), allocated: row.2 };
        row_is_of_its_schema(&ids.0, &Row::Allocation { key: &key, row: &row })?;
    }

    #[test]
    fn client_profiles_are_of_their_schema(
        ids in (names(), names(), currencies()),
        minor in any::<[i64; 4]>(),
        journal_sequence in counts(),
    ) {
        let profile = ClientProfile {
            currency: ids.2,
            value_minor: minor[0].into(),
            payable_minor: minor[1].into(),
            acquisition_minor: minor[2].into(),
            dispute_minor: minor[3].into(),
            journal_sequence,
        };
        row_is_of_its_schema(&ids.0, &Row::Customer { organization: &ids.1, profile })?;
    }

    #[test]
    fn balances_are_of_their_schemas(
        ids in (names(), names(), currencies(), select(Account::ALL.to_vec())),
        numbers in (any::<i64>(), counts(), counts()),
        points in any::<(i64, i64)>(),
    ) {
        let (project, organization, currency, account) = ids;
        let balance = AccountBalance {
            account,
            currency,
            balance_minor: numbers.0.into(),
            tally_minor: 0,
            entry_number: numbers.1,
            journal_sequence: numbers.2,
        };
        row_is_of_its_schema(&project, &Row::Balance { organization: &organization, balance: &balance })?;
        let points = Points { pending: points.0, available: points.1 };
        let balance = PointsBalance { points, journal_sequence: numbers.1 };
        row_is_of_its_schema(&project, &Row::Points { user: &organization, balance: &balance })?;
    }

    #[test]
    fn positions_are_of_their_schema(partition in lines(), offset in counts()) {
        let (mut json, mut datum) = (String::new(), Datum::default());
        output::position(partition, offset, &mut json);
        output::position(partition, offset, &mut datum);
        holds(check(Topic::ProjectorPositions, &json, &datum))?;
    }
}

fn row_is_of_its_schema(project: &str, row: &Row<'_>) -> Result<(), TestCaseError> {
    let (mut json, mut datum) = (String::new(), Datum::default());
    output::row_value(project, row, &mut json);
    output::row_value(project, row, &mut datum);
    holds(check(output::row_topic(row), &json, &datum))
}

/// An entry down to the byte: whoever verifies the books with `sha256sum` depends on it.
#[test]
fn an_entry_byte_for_byte() {
    let usd = Currency::parse("USD").unwrap();
    let mut flags = Flags::default();
    flags.raise(Flag::LatePayback);
    flags.raise(Flag::CustomerMismatch);
    let entry = Entry {
        project: "acme".into(),
        entry_number: 7,
        kind: EntryKind::Primary(Kind::Refund),
        identity: daybook_core::event::Identity { event_id: "r\"1".into(), line: 0 },
        clearing: false,
        caused_by: None,
        charge_id: Some("ch1".into()),
        occurred_at_ms: 1_768_903_954_567,
        recorded_at_ms: 1_768_903_955_000,
        economic_day: Day::new(2026, 1, 20).unwrap(),
        currency: usd,
        charge_state: ChargeState::PartiallyRefunded,
        flags,
        descr: Some("tab\tline\nbell\u{7}é".into()),
        postings: vec![Posting {
            orig_organization: "acme".into(),
            orig_account: Account::Assets,
            dest_organization: "ada".into(),
            dest_account: Account::Refund,
            amount_minor: 1_100,
            provider: "acme".into(),
        }],
        journal_sequence: 9,
        source_timestamp_ms: None,
    };
    let mut out = String::new();
    output::entry(&entry, &[0; 32], &mut out);
    let expected = concat!(
        r#"{"caused_by":null,"charge_id":"ch1","charge_state":"partially_refunded","corrects":null,"#,
        r#""currency":"USD","descr":"tab\tline\nbell\u0007é","economic_day":"2026-01-20","entry_number":7,"#,
        r#""event_id":"r\"1","event_line":0,"flags":["customer_mismatch","late_payback"],"journal_sequence":9,"#,
        r#""kind":"refund","minor_digits":2,"occurred_at":"2026-01-20T10:12:34.567Z","#,
        r#""postings":[{"amount_minor":1100,"dest_account":"Refund","dest_organization":"ada","#,
        r#""orig_account":"Assets","orig_organization":"acme","provider":"acme"}],"#,
        r#""previous_hash":"0000000000000000000000000000000000000000000000000000000000000000","#,
        r#""project_id":"acme","recorded_at":"2026-01-20T10:12:35.000Z"}"#,
    );
    assert_eq!(out, expected);
    let hex: String = output::hash(b"abc").iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/// Flags are published in alphabetical order, and their names are all different.
#[test]
fn flags_are_sorted() {
    let names: Vec<&str> = Flag::ALL.iter().map(|f| f.name()).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
}
