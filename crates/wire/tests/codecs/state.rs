//! State values: what is written comes back, and a projector that has to read everything from its store does the same
//! as one that has everything in memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use daybook_core::calendar::{Day, Month};
use daybook_core::charge::{Accepted, Charge, ChargeKey, Cleared, Reference};
use daybook_core::charge_state::ChargeState;
use daybook_core::daily::{AllocationRow, Columns, DayRow, Kpis, MonthRow, Stamp};
use daybook_core::event::{Body, ChargeEvent, Identity, JournalRecord, Kind};
use daybook_core::fold::{Fold, Transaction};
use daybook_core::money::{Currency, parse_decimal};
use daybook_core::name::Name;
use daybook_core::organization::{AccountBalance, Organization, PointsBalance};
use daybook_core::party::Account;
use daybook_core::project::apply;
use daybook_core::rejection::Reason;
use daybook_core::rewards::Points;
use daybook_core::settings::{Partner, PartnerType, Settings, SplitRule};
use daybook_core::spend::{Spend, SpendVersion};
use daybook_core::splits::{Owner, PartnerKey, Sharing, Standing};
use daybook_core::state::{AllocationKey, Change, Head, NoStore, State, Store};
use daybook_wire::binary::{Malformed, Reader};
use daybook_wire::state::{self, Table};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::generate::{
    counts, currencies, days, decimals, events, identities, lines, names, positions, settings, spend_events,
};

prop_compose! {
    fn heads()(
        numbers in (counts(), option::of(any::<i64>()), counts(), counts(), counts(), counts(), counts()),
        previous_hash in any::<[u8; 32]>(),
        settings in vec(settings().prop_map(Arc::new), 0..3),
        sources in vec(positions(), 0..3),
        dropped in vec((counts(), any::<i64>()), 0..3),
        refused in btree_map(select(Reason::ALL.to_vec()), counts(), 0..4),
    ) -> Head {
        Head {
            journal_sequence: numbers.0,
            journal_time_ms: numbers.1,
            entry_number: numbers.2,
            previous_hash,
            settings: Arc::new(settings),
            sources,
            dropped,
            accepted: numbers.3,
            accepted_spend: numbers.6,
            duplicates: numbers.4,
            refused,
            already_seen: numbers.5,
        }
    }
}

fn references() -> impl Strategy<Value = Reference> {
    prop_oneof![names().prop_map(Reference::Shared), identities().prop_map(Reference::Own)]
}

fn keys() -> impl Strategy<Value = ChargeKey> {
    (references(), currencies()).prop_map(|(reference, currency)| ChargeKey { reference, currency })
}

fn transactions() -> impl Strategy<Value = Transaction> {
    prop_oneof![names().prop_map(Transaction::Named), identities().prop_map(Transaction::Own)]
}

prop_compose! {
    fn accepted()(
        event in events(),
        numbers in (any::<i64>(), option::of(any::<i64>()), option::of(any::<i64>()), option::of(any::<i64>())),
        settings in any::<u32>(),
        source_timestamp_ms in option::of(any::<i64>()),
        entry_number in counts(),
    ) -> Accepted {
        Accepted {
            event,
            occurred_at_ms: numbers.0,
            amount_minor: numbers.1,
            fee_minor: numbers.2,
            fee_returned_minor: numbers.3,
            settings,
            source_timestamp_ms,
            entry_number,
        }
    }
}

fn partners() -> impl Strategy<Value = PartnerKey> {
    (select(PartnerType::ALL.to_vec()), names())
        .prop_map(|(partner_type, name)| PartnerKey { partner_type, name })
}

fn sharings() -> impl Strategy<Value = Sharing> {
    let owner = (partners(), decimals()).prop_map(|(partner, percentage)| Owner { partner, percentage });
    let standing = (partners(), decimals(), any::<(i64, i64)>()).prop_map(|(partner, percentage, minor)| {
        Standing { partner, percentage, allocated_minor: minor.0, stands_at_minor: minor.1 }
    });
    (owner, vec(standing, 0..3)).prop_map(|(owner, standings)| Sharing { owner, standings })
}

prop_compose! {
    fn folds()(
        figures in any::<[i64; 9]>(),
        open in btree_map(transactions(), any::<i64>(), 0..3),
        paid_transactions in btree_set(transactions(), 0..3),
        refunded_by in btree_map(names(), any::<i64>(), 0..3),
        first_payment in option::of((any::<i64>(), names())),
        failed in any::<bool>(),
        points in any::<(i64, i64)>(),
        state in select(ChargeState::ALL.to_vec()),
        sharing in option::of(sharings().prop_map(Box::new)),
    ) -> Fold {
        let [invoiced, paid, written, fees, fees_returned, refunded, charged_back, disputed, open_minor] = figures;
        Fold {
            invoiced,
            paid,
            written,
            fees,
            fees_returned,
            refunded,
            charged_back,
            disputed,
            open,
            open_minor,
            paid_transactions,
            refunded_by,
            first_payment,
            failed,
            points: Points { pending: points.0, available: points.1 },
            state,
            sharing,
        }
    }
}

prop_compose! {
    fn charges()(
        history in vec(accepted(), 0..4),
        cleared in vec((identities(), counts()), 0..3),
        fold in folds(),
        recorded_at_ms in any::<i64>(),
        journal_sequence in counts(),
    ) -> Charge {
        let cleared = cleared.into_iter();
        Charge {
            history,
            cleared: cleared.map(|(pending, entry_number)| Cleared { pending, entry_number }).collect(),
            fold,
            recorded_at_ms,
            journal_sequence,
        }
    }
}

prop_compose! {
    fn organizations()(
        accounts in vec((select(Account::ALL.to_vec()), currencies(), any::<(i128, i128)>(), counts(), counts()), 0..4),
        points in option::of((any::<i64>(), any::<i64>(), counts())),
    ) -> Organization {
        let accounts = accounts.into_iter();
        let balance = |(account, currency, minor, entry_number, journal_sequence): (_, _, (i128, i128), _, _)| {
            let (balance_minor, tally_minor) = minor;
            AccountBalance { account, currency, balance_minor, tally_minor, entry_number, journal_sequence }
        };
        let points = points.map(|(pending, available, journal_sequence)| {
            PointsBalance { points: Points { pending, available }, journal_sequence }
        });
        Organization { accounts: accounts.map(balance).collect(), points }
    }
}

prop_compose! {
    fn columns()(sums in any::<[i128; 7]>(), numbers in any::<[i64; 3]>()) -> Columns {
        Columns {
            gross_sales_minor: sums[0],
            refunds_minor: sums[1],
            chargebacks_minor: sums[2],
            platform_fees_minor: sums[3],
            transaction_count: numbers[0],
            refund_count: numbers[1],
            chargeback_count: numbers[2],
            affiliate_fees_minor: sums[4],
            coproducer_fees_minor: sums[5],
            ad_spend_minor: sums[6],
        }
    }
}

prop_compose! {
    fn stamps()(revision in counts(), as_of_ms in any::<i64>(), journal_sequence in counts(), cause in lines()) -> Stamp {
        Stamp { revision, as_of_ms, journal_sequence, cause }
    }
}

prop_compose! {
    fn rows()(
        columns in columns(),
        sums in any::<[i128; 3]>(),
        points in any::<[i64; 3]>(),
        stamps in (stamps(), stamps(), stamps(), stamps(), stamps()),
    ) -> DayRow {
        let kpis = Kpis {
            billed_minor: sums[0],
            paybacks_minor: sums[1],
            outstanding_minor: sums[2],
            points_issued: points[0],
            points_redeemed: points[1],
            points_reversed: points[2],
        };
        DayRow {
            columns,
            kpis,
            revenue: stamps.0,
            spend: stamps.1,
            profit: stamps.2,
            owner_profit: stamps.3,
            kpi: stamps.4,
        }
    }
}

prop_compose! {
    fn spends()(
        versions in vec((spend_events(), any::<i64>(), currencies(), days()), 0..4),
        recorded_at_ms in any::<i64>(),
        journal_sequence in counts(),
    ) -> Spend {
        let version = |(event, amount_minor, currency, day)| SpendVersion { event, amount_minor, currency, day };
        Spend { versions: versions.into_iter().map(version).collect(), recorded_at_ms, journal_sequence }
    }
}

/// The value of a change must be read back as it was, and no part of it as anything.
fn check<T: PartialEq + std::fmt::Debug>(
    change: &Change<'_>,
    key: &[u8],
    expected: &T,
    read: impl Fn(&[u8]) -> Result<T, Malformed>,
) -> Result<(), TestCaseError> {
    let (actual_key, value) = state::encode("acme", change);
    prop_assert_eq!(actual_key, key);
    let value = value.unwrap();
    prop_assert_eq!(&read(&value).unwrap(), expected);
    for length in 0..value.len() {
        prop_assert!(read(&value[..length]).is_err(), "{}", length);
    }
    Ok(())
}

fn read_charge_key(bytes: &[u8]) -> Result<ChargeKey, Malformed> {
    let mut reader = Reader::new(bytes);
    let key = state::read_charge_key(&mut reader)?;
    reader.end().map(|()| key)
}

proptest! {
    #[test]
    fn heads_come_back(head in heads()) {
        check(&Change::Head(&head), &state::key_prefix(Table::Head, "acme"), &head, state::read_head)?;
    }

    #[test]
    fn charges_come_back(key in keys(), charge in charges()) {
        check(&Change::Charge(&key, &charge), &state::charge_key("acme", &key), &charge, state::read_charge)?;
    }

    #[test]
    fn identities_come_back(identity in identities(), key in keys()) {
        let store_key = state::identity_key("acme", &identity);
        check(&Change::Identity(&identity, &key), &store_key, &key, read_charge_key)?;
    }

    #[test]
    fn organizations_come_back(name in names(), organization in organizations()) {
        let store_key = state::organization_key("acme", &name);
        let change = Change::Organization(&name, &organization);
        check(&change, &store_key, &organization, state::read_organization)?;
    }

    #[test]
    fn days_come_back(key in (days(), currencies()), row in rows()) {
        check(&Change::Day(&key, &row), &state::day_key("acme", &key), &row, state::read_day)?;
    }

    #[test]
    fn months_come_back(day in days(), currency in currencies(), columns in columns(), profit in stamps()) {
        let (key, row) = ((day.month(), currency), MonthRow { columns, profit });
        check(&Change::Month(&key, &row), &state::month_key("acme", &key), &row, state::read_month)?;
    }

    #[test]
    fn allocations_come_back(
        day in days(),
        currency in currencies(),
        partner in partners(),
        total_minor in any::<i128>(),
        allocated in stamps(),
    ) {
        let key = AllocationKey { day, currency, partner };
        let row = AllocationRow { total_minor, allocated };
        check(&Change::Allocation(&key, &row), &state::allocation_key("acme", &key), &row, state::read_allocation)?;
    }

    #[test]
    fn spend_comes_back(event_id in names(), spend in spends()) {
        let change = Change::Spend(&event_id, &spend);
        check(&change, &state::spend_key("acme", &event_id), &spend, state::read_spend_event)?;
    }

    #[test]
    fn due_times_come_back(at_ms in any::<i64>(), key in keys(), added in any::<bool>()) {
        let (store_key, value) = state::encode("acme", &Change::Due(at_ms, &key, added));
        let prefix = state::key_prefix(Table::Due, "acme");
        prop_assert!(store_key.starts_with(&prefix));
        prop_assert_eq!(state::read_due_key(&store_key, prefix.len()).unwrap(), (at_ms, key));
        prop_assert_eq!(value.is_some(), added);
    }

    #[test]
    fn store_keys_are_as_different_as_what_they_stand_for(
        one in (names(), keys(), identities()),
        other in (names(), keys(), identities()),
    ) {
        let all = |(project, key, identity): &(Name, ChargeKey, Identity)| {
            [
                state::key_prefix(Table::Head, project),
                state::charge_key(project, key),
                state::identity_key(project, identity),
                state::organization_key(project, &identity.event_id),
                state::spend_key(project, &identity.event_id),
            ]
        };
        let same_project = one.0 == other.0;
        let same = [
            same_project,
            same_project && one.1 == other.1,
            same_project && one.2 == other.2,
            same_project && one.2.event_id == other.2.event_id,
            same_project && one.2.event_id == other.2.event_id,
        ];
        for (i, a) in all(&one).iter().enumerate() {
            for (j, b) in all(&other).iter().enumerate() {
                prop_assert_eq!(a == b, i == j && same[i]);
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = state::read_head(&bytes);
        let _ = state::read_charge(&bytes);
        let _ = read_charge_key(&bytes);
        let _ = state::read_organization(&bytes);
        let _ = state::read_day(&bytes);
        let _ = state::read_month(&bytes);
        let _ = state::read_allocation(&bytes);
        let _ = state::read_spend_event(&bytes);
        let _ = state::read_due_key(&bytes, 0);
    }

    #[test]
    fn a_state_that_remembers_nothing_does_the_same(history in histories()) {
        let mut remembers = State::new(NoStore);
        let store = Bytes::default();
        for (batch, record) in history.iter().enumerate() {
            let expected = apply(&mut remembers, record).unwrap_or_else(|never| match never {});
            // Another process for every record: all that it knows is what was stored.
            let mut forgets = State::new(store.clone());
            let actual = apply(&mut forgets, record).unwrap();
            prop_assert_eq!(&actual, &expected, "record {}", batch);
            let mut written = store.0.borrow_mut();
            for (project, change) in forgets.changes() {
                match state::encode(project, &change) {
                    (key, Some(value)) => written.insert(key, value),
                    (key, None) => written.remove(&key),
                };
            }
        }
    }
}

/// A state store in memory.
#[derive(Clone, Default)]
struct Bytes(Rc<RefCell<BTreeMap<Vec<u8>, Vec<u8>>>>);

impl Bytes {
    fn read<T>(
        &self,
        key: &[u8],
        read: impl FnOnce(&[u8]) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        self.0.borrow().get(key).map(|value| read(value)).transpose()
    }
}

impl Store for Bytes {
    type Error = Malformed;
    fn head(&self, project: &Name) -> Result<Option<Head>, Malformed> {
        self.read(&state::key_prefix(Table::Head, project), state::read_head)
    }
    fn charge(&self, project: &Name, key: &ChargeKey) -> Result<Option<Charge>, Malformed> {
        self.read(&state::charge_key(project, key), state::read_charge)
    }
    fn identity(&self, project: &Name, identity: &Identity) -> Result<Option<ChargeKey>, Malformed> {
        self.read(&state::identity_key(project, identity), read_charge_key)
    }
    fn organization(&self, project: &Name, name: &Name) -> Result<Option<Organization>, Malformed> {
        self.read(&state::organization_key(project, name), state::read_organization)
    }
    fn day(&self, project: &Name, key: &(Day, Currency)) -> Result<Option<DayRow>, Malformed> {
        self.read(&state::day_key(project, key), state::read_day)
    }
    fn month(&self, project: &Name, key: &(Month, Currency)) -> Result<Option<MonthRow>, Malformed> {
        self.read(&state::month_key(project, key), state::read_month)
    }
    fn allocation(&self, project: &Name, key: &AllocationKey) -> Result<Option<AllocationRow>, Malformed> {
        self.read(&state::allocation_key(project, key), state::read_allocation)
    }
    fn spend(&self, project: &Name, event_id: &Name) -> Result<Option<Spend>, Malformed> {
        self.read(&state::spend_key(project, event_id), state::read_spend_event)
    }
    fn due(&self, project: &Name) -> Result<Vec<(i64, ChargeKey)>, Malformed> {
        let prefix = state::key_prefix(Table::Due, project);
        let stored = self.0.borrow();
        let keys = stored.keys().filter(|key| key.starts_with(&prefix));
        keys.map(|key| state::read_due_key(key, prefix.len())).collect()
    }
}

/// Short journals in which events meet and time clears some of them.
fn histories() -> impl Strategy<Value = Vec<JournalRecord>> {
    let charge = (select(Kind::ALL.to_vec()), 1..200_i64, 0..6_u8, 0..2_u8, option::of(0..2_u8), 0..240_i64)
        .prop_map(|(kind, amount, id, charge, transaction, hour)| {
            let mut event = ChargeEvent::new(format!("e{id}"), kind, "customer");
            event.amount = Some(parse_decimal(&amount.to_string()).unwrap());
            event.currency = Currency::parse("USD");
            event.charge_id = Some(format!("c{charge}").into());
            event.transaction = transaction.map(|t| format!("t{t}").into());
            event.occurred_at_ms = Some(1_767_225_600_000 + hour * 3_600_000);
            event.points_delta = kind.is_points().then_some(amount);
            event.product = Some(format!("p{}", id % 2).into());
            event.clears_at_ms = (kind == Kind::Pending).then(|| 1_767_225_600_000 + (hour + 30) * 3_600_000);
            Body::Charge(Box::new(event))
        });
    let spend = (spend_events(), 0..2_u8, 0..3_u32, 0..99_i64, 0..240_i64).prop_map(
        |(mut event, id, version, amount, hour)| {
            event.event_id = format!("s{id}").into();
            event.version = version;
            event.amount = amount.into();
            event.currency = Currency::parse("USD");
            event.occurred_at_ms = 1_767_225_600_000 + hour * 3_600_000;
            Body::Spend(Box::new(event))
        },
    );
    let split = Just(Body::Settings(Arc::new(split_by_product())));
    let body = prop_oneof![
        12 => charge,
        2 => spend,
        1 => split,
        1 => settings().prop_map(|s| Body::Settings(Arc::new(s))),
        2 => Just(Body::Tick),
    ];
    vec((body, 0..30_i64, option::weighted(0.5, 0..20_u64)), 1..20).prop_map(|records| {
        let mut recorded_at_ms = 1_767_225_600_000;
        let mut record = |(body, hours, offset): (Body, i64, Option<u64>)| {
            recorded_at_ms += hours * 3_600_000;
            let position = |offset| daybook_core::event::SourcePosition {
                topic: "charges".into(),
                partition: 0,
                offset,
                item: 0,
            };
            JournalRecord {
                project: "acme".into(),
                recorded_at_ms,
                source_timestamp_ms: Some(recorded_at_ms),
                source: offset.map(position),
                body,
            }
        };
        records.into_iter().map(&mut record).collect()
    })
}

/// Settings under which what is paid for `p1` is shared.
fn split_by_product() -> Settings {
    let partner = Partner {
        partner_type: PartnerType::Affiliate,
        name: "ada".into(),
        percentage: parse_decimal("0.333").unwrap(),
    };
    Settings {
        splits: vec![SplitRule { product: "p1".into(), partners: vec![partner] }],
        ..Settings::default()
    }
}
