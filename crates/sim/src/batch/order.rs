//! A charge's history in its order, with the payments that time has made (section 3, 3.2).

use std::collections::{BTreeMap, BTreeSet};

use daybook_core::event::{Identity, Kind};
use daybook_core::name::Name;

use super::admit::Accepted;
use super::{Rules, Twist};

/// The list of section 3: phase, and in it the rank. Points are of no charge.
const ORDER: [(u8, Kind); 13] = [
    (0, Kind::Service),
    (0, Kind::Pending),
    (0, Kind::Payment),
    (0, Kind::Failed),
    (0, Kind::WriteOff),
    (0, Kind::Goodwill),
    (0, Kind::Noted),
    (1, Kind::Refund),
    (1, Kind::RefundFailed),
    (1, Kind::Chargeback),
    (1, Kind::ChargebackWon),
    (1, Kind::ChargebackLost),
    (2, Kind::RefundRest),
];

/// A transaction: a processor's, or that of a pending which names none (section 2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Transaction {
    Named(Name),
    Own(Identity),
}

/// An event of a history, or a clearing by time.
#[derive(Clone, Debug)]
pub(crate) struct Step<'a> {
    /// The event; of a clearing, its pending.
    pub(crate) of: &'a Accepted,
    pub(crate) cleared: bool,
    pub(crate) kind: Kind,
    pub(crate) at_ms: i64,
    pub(crate) transaction: Option<Transaction>,
    event_id: Name,
}

impl Step<'_> {
    fn rank(&self) -> (u8, usize) {
        let rank = ORDER.iter().position(|(_, kind)| *kind == self.kind).unwrap_or(ORDER.len());
        (ORDER.get(rank).map_or(0, |(phase, _)| *phase), rank)
    }

    /// 0 opening, 1 after, 2 `refund_rest`.
    pub(crate) fn phase(&self) -> u8 {
        self.rank().0
    }
}

fn sort(steps: &mut [Step<'_>]) {
    steps.sort_by_cached_key(|s| {
        let (phase, rank) = s.rank();
        (phase, s.at_ms, rank, s.event_id.clone(), s.of.event.identity.line)
    });
}

/// 3.3: the first `service`, `pending` or `payment`; failing these, the first of the history.
pub(crate) fn opening<'s, 'a>(steps: &'s [Step<'a>]) -> Option<&'s Step<'a>> {
    let opens = |s: &&Step<'_>| matches!(s.kind, Kind::Service | Kind::Pending | Kind::Payment);
    steps.iter().find(opens).or(steps.first())
}

fn settles(step: &Step<'_>) -> bool {
    matches!(step.kind, Kind::Payment | Kind::Failed)
}

/// The sorted history at that journal time.
pub(crate) fn steps<'a>(events: &'a [Accepted], time_ms: i64, rules: Rules) -> Vec<Step<'a>> {
    let step = |of: &'a Accepted| {
        let Accepted { event, at_ms, .. } = of;
        let named = event.transaction.clone().map(Transaction::Named);
        let own = || (event.kind == Kind::Pending).then(|| Transaction::Own(event.identity.clone()));
        let transaction = named.or_else(own);
        let event_id = event.identity.event_id.clone();
        Step { of, cleared: false, kind: event.kind, at_ms: *at_ms, transaction, event_id }
    };
    let mut steps: Vec<Step<'_>> = events.iter().map(step).collect();
    sort(&mut steps);
    pair(&mut steps);
    let clearings = clearings(&steps, time_ms, rules);
    steps.extend(clearings);
    sort(&mut steps);
    steps
}

/// Section 2: payments and failures without a transaction are paired up front, the k-th of them with the k-th pending
/// whose transaction no payment or failure names.
fn pair(steps: &mut [Step<'_>]) {
    let named: BTreeSet<Transaction> =
        steps.iter().filter(|s| settles(s)).filter_map(|s| s.transaction.clone()).collect();
    let mut free = Vec::new();
    for transaction in steps.iter().filter(|s| s.kind == Kind::Pending).filter_map(|s| s.transaction.clone())
    {
        // 3.2: pendings of one transaction are one.
        if !named.contains(&transaction) && !free.contains(&transaction) {
            free.push(transaction);
        }
    }
    let unnamed = steps.iter_mut().filter(|s| settles(s) && s.transaction.is_none());
    for (step, transaction) in unnamed.zip(free) {
        step.transaction = Some(transaction);
    }
}

/// 3.2: the payments of open pendings whose time has come.
fn clearings<'a>(steps: &[Step<'a>], time_ms: i64, rules: Rules) -> Vec<Step<'a>> {
    // Pendings of one transaction are one: they clear with the first's time and fee.
    let mut firsts: BTreeMap<Transaction, &Step<'a>> = BTreeMap::new();
    for step in steps.iter().filter(|s| s.kind == Kind::Pending) {
        if let Some(transaction) = &step.transaction {
            firsts.entry(transaction.clone()).or_insert(step);
        }
    }
    let mut clearings = Vec::new();
    for (transaction, pending) in firsts {
        let Some(clears_at_ms) = pending.of.event.clears_at_ms else { continue };
        let of_it = |s: &&Step<'_>| s.transaction.as_ref() == Some(&transaction);
        let ignored = |s: &Step<'_>| rules.are(Twist::ClearsThoughFailed) && s.kind == Kind::Failed;
        let known = steps.iter().filter(of_it).any(|s| settles(s) && !ignored(s));
        let released = |s: &Step<'_>| s.kind == Kind::RefundRest && s.at_ms < clears_at_ms;
        let released = steps.iter().filter(of_it).any(released);
        if clears_at_ms <= time_ms && !known && !released {
            clearings.push(Step {
                of: pending.of,
                cleared: true,
                kind: Kind::Payment,
                at_ms: clears_at_ms.max(pending.at_ms),
                transaction: Some(transaction),
                event_id: format!("{}#clears", pending.of.event.identity.event_id).into(),
            });
        }
    }
    clearings
}
