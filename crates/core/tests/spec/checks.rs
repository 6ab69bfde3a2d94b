//! What must hold whatever happens, as functions that say what is wrong: the properties expect `Ok`, the negative
//! controls expect that breaking the projector is noticed.

use std::collections::BTreeMap;

use daybook_core::calendar::{Day, Month};
use daybook_core::charge::ChargeKey;
use daybook_core::daily::{Columns, Kpis};
use daybook_core::derive::{derive, terms};
use daybook_core::entry::{EntryKind, Posting};
use daybook_core::event::{Identity, JournalRecord};
use daybook_core::money::Currency;
use daybook_core::name::Name;
use daybook_core::party::Account;
use daybook_core::project::{Effects, apply};
use daybook_core::rewards::Points;
use daybook_core::settings::PartnerType;
use daybook_core::splits::{Share, difference};
use daybook_core::state::{AllocationKey, Change, Head, NoStore, Row, State};

use crate::generate::Plan;

pub type Verdict = Result<(), String>;
type Balances = BTreeMap<(Name, Account, Currency), i128>;

/// What a journal ends in, order of arrival aside. What is zero is left out.
#[derive(Debug, Default, PartialEq)]
pub struct Totals {
    balances: Balances,
    points: BTreeMap<Name, (i64, i64)>,
    days: BTreeMap<(Day, Currency), Columns>,
    kpis: BTreeMap<(Day, Currency), Kpis>,
    months: BTreeMap<(Month, Currency), Columns>,
    /// By day, currency, type and name.
    allocations: BTreeMap<(Day, Currency, PartnerType, Name), i128>,
    /// Value, payable, acquisition, dispute.
    customers: BTreeMap<(Name, Currency), [i128; 4]>,
}

impl Totals {
    /// Points that are not 0.
    pub fn points(&self) -> &BTreeMap<Name, (i64, i64)> {
        &self.points
    }

    /// Balances that are not 0.
    pub fn balances(&self) -> &Balances {
        &self.balances
    }

    /// What partners have, all days together.
    pub fn allocations(&self) -> BTreeMap<(PartnerType, Name), i128> {
        let mut sums = BTreeMap::new();
        for ((_, _, partner_type, name), minor) in &self.allocations {
            *sums.entry((*partner_type, name.clone())).or_default() += minor;
        }
        sums
    }
}

/// Applies records to a state.
pub fn play(state: &mut State<NoStore>, records: &[JournalRecord]) -> Vec<Effects> {
    records.iter().map(|record| apply(state, record).unwrap_or_else(|never| match never {})).collect()
}

/// What the books say.
pub fn totals(state: &State<NoStore>) -> Totals {
    let mut totals = Totals::default();
    for (_, row) in state.rows(&BTreeMap::new()) {
        match row {
            // The same figures, whichever row they are of.
            Row::Day { day, currency, row, .. } => {
                totals.days.insert((day, currency), row.columns);
                totals.kpis.insert((day, currency), row.kpis);
            }
            Row::Month { month, currency, row } => {
                totals.months.insert((month, currency), row.columns);
            }
            Row::Allocation { key, row } if row.total_minor != 0 => {
                let AllocationKey { day, currency, partner } = key;
                let key = (*day, *currency, partner.partner_type, partner.name.clone());
                totals.allocations.insert(key, row.total_minor);
            }
            Row::Customer { organization, profile } => {
                let figures = [
                    profile.value_minor,
                    profile.payable_minor,
                    profile.acquisition_minor,
                    profile.dispute_minor,
                ];
                if figures != [0; 4] {
                    totals.customers.insert((organization.clone(), profile.currency), figures);
                }
            }
            Row::Balance { organization, balance } if balance.balance_minor != 0 => {
                let key = (organization.clone(), balance.account, balance.currency);
                totals.balances.insert(key, balance.balance_minor);
            }
            Row::Points { user, balance } if !balance.points.is_zero() => {
                totals.points.insert(user.clone(), (balance.points.pending, balance.points.available));
            }
            _ => {}
        }
    }
    totals.days.retain(|_, columns| *columns != Columns::default());
    totals.kpis.retain(|_, kpis| !kpis.is_zero());
    totals.months.retain(|_, columns| *columns != Columns::default());
    totals
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, one: &T, other: &T) -> Verdict {
    if one == other { Ok(()) } else { Err(format!("{what}:\n{one:?}\n{other:?}")) }
}

fn head(state: &State<NoStore>) -> Head {
    state.books().next().map(|(_, books)| books.head().clone()).unwrap_or_default()
}

/// Invariant 5: any order of arrival, duplicates included, ends in the same.
pub fn same_in_any_order(plan: &Plan, fresh: impl Fn() -> State<NoStore>) -> Verdict {
    let (mut one, mut other) = (fresh(), fresh());
    play(&mut one, &plan.records(&plan.in_order()));
    play(&mut other, &plan.records(&plan.arrivals));
    equal("totals", &totals(&one), &totals(&other))?;
    equal("accepted", &head(&one).accepted, &head(&other).accepted)
}

/// 10.2: what intake appended twice counts once, whatever it is.
pub fn appended_twice_counts_once(plan: &Plan, fresh: impl Fn() -> State<NoStore>) -> Verdict {
    let records = plan.positioned();
    let twice: Vec<JournalRecord> = records.iter().flat_map(|r| [r.clone(), r.clone()]).collect();
    let (mut one, mut other) = (fresh(), fresh());
    play(&mut one, &records);
    play(&mut other, &twice);
    let counts = |h: Head| (h.accepted, h.accepted_spend, h.duplicates, h.refused);
    equal("totals", &totals(&one), &totals(&other))?;
    equal("counts", &counts(head(&one)), &counts(head(&other)))
}

/// Invariants 1 to 4: entries balance, their numbers have no gap, every accepted event has one primary entry, and
/// the balances are those of the entries.
pub fn entries_hold(state: &State<NoStore>, effects: &[Effects]) -> Verdict {
    let mut primary: BTreeMap<&Identity, u64> = BTreeMap::new();
    for entry in effects.iter().flat_map(|e| &e.entries) {
        match entry.kind {
            EntryKind::Primary(_) => {
                if primary.insert(&entry.identity, entry.entry_number).is_some() {
                    return Err(format!("{:?} has two primary entries", entry.identity));
                }
            }
            EntryKind::Adjustment { corrects } => {
                equal("corrects", &primary.get(&entry.identity), &Some(&corrects))?;
            }
        }
    }
    let events = primary.keys().filter(|identity| !identity.event_id.ends_with("#clears")).count() as u64;
    equal("accepted events and primary entries", &head(state).accepted, &events)?;
    books_balance(state, effects)
}

/// What of that holds also where the horizon lets an identity be used again.
pub fn books_balance(state: &State<NoStore>, effects: &[Effects]) -> Verdict {
    let mut balances = Balances::new();
    for (entry, number) in effects.iter().flat_map(|e| &e.entries).zip(1_u64..) {
        equal("entry number", &entry.entry_number, &number)?;
        if entry.postings.is_empty() && matches!(entry.kind, EntryKind::Adjustment { .. }) {
            return Err(format!("entry {number} adjusts nothing"));
        }
        for p in &entry.postings {
            let same = (&p.orig_organization, p.orig_account) == (&p.dest_organization, p.dest_account);
            if p.amount_minor <= 0 || same {
                return Err(format!("entry {number} has the posting {p:?}"));
            }
            add(&mut balances, p, entry.currency);
        }
    }
    balances.retain(|_, balance| *balance != 0);
    let mut sums: BTreeMap<Currency, i128> = BTreeMap::new();
    for ((.., currency), balance) in &balances {
        *sums.entry(*currency).or_default() += balance;
    }
    sums.retain(|_, sum| *sum != 0);
    equal("sums by currency", &sums, &BTreeMap::new())?;
    equal("balances and entries", &totals(state).balances, &balances)
}

fn add(balances: &mut Balances, p: &Posting, currency: Currency) {
    let amount = i128::from(p.amount_minor);
    *balances.entry((p.orig_organization.clone(), p.orig_account, currency)).or_default() -= amount;
    *balances.entry((p.dest_organization.clone(), p.dest_account, currency)).or_default() += amount;
}

/// Section 3: whatever way they came, the fold of every charge stands where `derive` of its history ends, and what
/// was published of each of its events adds up to what `derive` says that it means.
pub fn published_is_derived(state: &State<NoStore>, effects: &[Effects]) -> Verdict {
    let head = head(state);
    let now = head.journal_time_ms.unwrap_or(0);
    let mut meant: BTreeMap<Identity, Balances> = BTreeMap::new();
    let mut points: BTreeMap<(Identity, Name), Points> = BTreeMap::new();
    let mut days: BTreeMap<(Day, Currency), Columns> = BTreeMap::new();
    let mut kpis: BTreeMap<(Day, Currency), Kpis> = BTreeMap::new();
    let mut shares: BTreeMap<Identity, Vec<Share>> = BTreeMap::new();
    for (project, change) in state.changes() {
        if let Change::Spend(_, spend) = change
            && let Some(counts) = spend.versions.last().filter(|v| v.event.is_active)
        {
            let columns = Columns::of_spend(counts.amount_minor.into());
            days.entry((counts.day, counts.currency)).or_default().add(&columns);
        }
        if let Change::Organization(name, organization) = change {
            let accounts = organization.accounts.is_sorted_by_key(|a| (a.currency, a.account));
            if !accounts {
                return Err(format!("{name} is not sorted"));
            }
        }
        let Change::Charge(key, charge) = change else { continue };
        let key: &ChargeKey = key;
        let Some(terms) = terms(project, key, &charge.history, &head.settings) else {
            return Err(format!("{key:?} has no terms"));
        };
        let (derived, fold) = derive(&terms, &charge.history, &charge.cleared, &head.settings, now);
        equal("fold", &charge.fold, &fold)?;
        if !charge.history.is_sorted_by(|a, b| a.sorts(b).is_lt()) {
            return Err(format!("{key:?} is not sorted"));
        }
        for d in derived {
            let balances = meant.entry(d.identity.clone()).or_default();
            for leg in &d.meaning.legs {
                add(balances, &leg.posting(&d.meaning.parties), key.currency);
            }
            let of_user = points.entry((d.identity.clone(), d.meaning.parties.customer.clone())).or_default();
            *of_user = of_user.plus(d.meaning.points);
            days.entry((d.meaning.day, key.currency)).or_default().add(&d.meaning.columns);
            kpis.entry((d.meaning.purchase_day, key.currency)).or_default().add(&d.meaning.kpis);
            let of_points = Kpis::of_points(d.meaning.points, d.kind.is_points());
            kpis.entry((d.meaning.day, key.currency)).or_default().add(&of_points);
            let net = d.meaning.columns.net_revenue_minor();
            let shared: i128 = d.meaning.shares.iter().map(|s| s.amount_minor).sum();
            if fold.sharing.is_some() {
                equal("shares add up to the net effect", &shared, &net)?;
            }
            let of_event = shares.entry(d.identity.clone()).or_default();
            *of_event = difference(&negated(of_event), &d.meaning.shares);
        }
    }
    let mut published: BTreeMap<Identity, Balances> = BTreeMap::new();
    for entry in effects.iter().flat_map(|e| &e.entries) {
        let balances = published.entry(entry.identity.clone()).or_default();
        entry.postings.iter().for_each(|p| add(balances, p, entry.currency));
    }
    for balances in meant.values_mut().chain(published.values_mut()) {
        balances.retain(|_, balance| *balance != 0);
    }
    let mut earned: BTreeMap<(Identity, Name), Points> = BTreeMap::new();
    for change in effects.iter().flat_map(|e| &e.points) {
        let of_user = earned.entry((change.identity.clone(), change.user.clone())).or_default();
        *of_user = of_user.plus(change.delta);
    }
    points.retain(|_, p| !p.is_zero());
    earned.retain(|_, p| !p.is_zero());
    days.retain(|_, columns| *columns != Columns::default());
    kpis.retain(|_, kpis| !kpis.is_zero());
    let mut shared: BTreeMap<Identity, Vec<Share>> = BTreeMap::new();
    for allocation in effects.iter().flat_map(|e| &e.allocations) {
        let of_event = shared.entry(allocation.identity.clone()).or_default();
        *of_event = difference(&negated(of_event), &allocation.shares);
    }
    equal("shares by event", &by_partner(shared), &by_partner(shares))?;
    equal("kpis", &totals(state).kpis, &kpis)?;
    equal("postings by event", &published, &meant)?;
    equal("points by event", &earned, &points)?;
    equal("days", &totals(state).days, &days)
}

fn negated(shares: &[Share]) -> Vec<Share> {
    shares.iter().map(|s| Share { amount_minor: -s.amount_minor, ..s.clone() }).collect()
}

/// Order and percentages aside.
fn by_partner(shares: BTreeMap<Identity, Vec<Share>>) -> BTreeMap<Identity, Vec<(PartnerType, Name, i128)>> {
    let sorted = |shares: Vec<Share>| {
        let share = |s: Share| (s.partner.partner_type, s.partner.name, s.amount_minor);
        let mut shares: Vec<_> = shares.into_iter().map(share).collect();
        shares.sort();
        shares
    };
    let shares = shares.into_iter().map(|(identity, shares)| (identity, sorted(shares)));
    shares.filter(|(_, shares)| !shares.is_empty()).collect()
}
