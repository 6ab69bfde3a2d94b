//! `derive`: what every event of a charge means, from its whole sorted history and the journal's time (section 3).
//!
//! The slow path of the projector and the definition of the fast one: folding an event on in order must end in
//! what `derive` gives. It pairs payments without a transaction, adds the clearings by time and takes one walk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::charge::{Accepted, Charge, ChargeKey, Cleared};
use crate::event::{Identity, Kind};
use crate::fold::{Fold, Transaction};
use crate::meaning::{Meaning, Step, Terms};
use crate::name::Name;
use crate::rewards::Earning;
use crate::settings::Settings;
use crate::splits::{self, Owner, Sharing};

/// What is put behind a pending's event id for the payment that time assumes (3.2).
pub const CLEARS_SUFFIX: &str = "#clears";

/// An event of a walk and what it means there.
pub struct Derived<'a> {
    /// Its identity; of a clearing the pending's with [`CLEARS_SUFFIX`].
    pub identity: Identity,
    /// The event; of a clearing the pending that clears.
    pub accepted: &'a Accepted,
    /// Whether it is a clearing.
    pub clearing: bool,
    /// Its kind: of a clearing `payment`.
    pub kind: Kind,
    /// What it means.
    pub meaning: Meaning,
}

/// What is the same for every event of the charge (3.3, 3.7). `None` of an empty history.
#[must_use]
pub fn terms(
    provider: &Name,
    key: &ChargeKey,
    history: &[Accepted],
    settings: &[Arc<Settings>],
) -> Option<Terms> {
    let opening = Charge::opening(history)?;
    let of_opening = settings.get(opening.settings as usize)?;
    // Phase 0 comes first: where the first opening event is not of it, there is none.
    let purchase_day = (opening.event.kind.phase() == 0).then(|| of_opening.zone.day(opening.occurred_at_ms));
    Some(Terms {
        provider: provider.clone(),
        customer: opening.event.user.clone(),
        opening: opening.event.identity.clone(),
        earning: Earning::new(&of_opening.rewards, opening.event.tier.as_ref(), key.currency),
        currency: key.currency,
        settings: of_opening.clone(),
        product: opening.event.product.clone(),
        purchase_day,
    })
}

/// Walks a history and gives each event, clearings by `journal_time_ms` included, its meaning. Clearings in
/// `cleared` keep their place even where they no longer clear anything. Also returns where the fold ended.
#[must_use]
pub fn derive<'a>(
    terms: &Terms,
    history: &'a [Accepted],
    cleared: &[Cleared],
    settings: &'a [Arc<Settings>],
    journal_time_ms: i64,
) -> (Vec<Derived<'a>>, Fold) {
    let transactions = pair(history);
    let clearings = clearings(history, &transactions, cleared, journal_time_ms);
    let mut walk: Vec<Planned<'a>> = history
        .iter()
        .zip(&transactions)
        .map(|(accepted, transaction)| Planned {
            accepted,
            transaction: transaction.clone(),
            identity: accepted.event.identity.clone(),
            kind: accepted.event.kind,
            time_ms: accepted.occurred_at_ms,
            clearing: false,
        })
        .chain(clearings)
        .collect();
    walk.sort_by(|a, b| {
        let key = |p: &Planned<'_>| (p.kind.phase(), p.time_ms, p.kind);
        key(a).cmp(&key(b)).then_with(|| a.identity.cmp(&b.identity))
    });

    let mut fold = Fold::default();
    // A clearing that has nothing to clear any more has no transaction, and pays nothing.
    let pays = |p: &&Planned<'_>| p.kind == Kind::Payment && (!p.clearing || p.transaction.is_some());
    fold.sharing = walk.iter().filter(pays).find_map(|p| owner(terms, p.accepted)).map(Sharing::by);
    let mut derived = Vec::with_capacity(walk.len());
    for planned in walk {
        let Some(settings) = settings.get(planned.accepted.settings as usize) else { continue };
        let step = Step {
            accepted: planned.accepted,
            settings,
            kind: planned.kind,
            time_ms: planned.time_ms,
            transaction: planned.transaction,
            clearing: planned.clearing,
        };
        let meaning = fold.step(terms, &step);
        derived.push(Derived {
            identity: planned.identity,
            accepted: planned.accepted,
            clearing: planned.clearing,
            kind: planned.kind,
            meaning,
        });
    }
    (derived, fold)
}

/// The owner that a payment names by the rule of its product (3.7).
#[must_use]
pub fn owner(terms: &Terms, payment: &Accepted) -> Option<Owner> {
    splits::rule(&terms.settings, terms.product_of(payment)).map(|rule| splits::owner(rule, &terms.provider))
}

/// One step, planned before the walk.
struct Planned<'a> {
    accepted: &'a Accepted,
    transaction: Option<Transaction>,
    identity: Identity,
    kind: Kind,
    time_ms: i64,
    clearing: bool,
}

/// The transaction that an event names by itself, before pairing.
#[must_use]
pub fn own_transaction(accepted: &Accepted) -> Option<Transaction> {
    let named = accepted.event.transaction.clone().map(Transaction::Named);
    match accepted.event.kind {
        Kind::Pending => named.or_else(|| Some(Transaction::Own(accepted.event.identity.clone()))),
        _ => named,
    }
}

/// The transaction of each event of a sorted history: payments and failures without one are paired up front, the
/// k-th of them with the k-th pending whose transaction no payment or failure names (section 2).
fn pair(history: &[Accepted]) -> Vec<Option<Transaction>> {
    let mut transactions: Vec<_> = history.iter().map(own_transaction).collect();
    let closes = |a: &Accepted| matches!(a.event.kind, Kind::Payment | Kind::Failed);
    if !history.iter().any(|a| closes(a) && a.event.transaction.is_none()) {
        return transactions;
    }
    // Pendings of one transaction are one, and none where a payment or failure names it.
    let mut taken: BTreeSet<Transaction> =
        history.iter().filter(|a| closes(a)).filter_map(own_transaction).collect();
    let mut free: Vec<Transaction> = Vec::new();
    for pending in history.iter().filter(|a| a.event.kind == Kind::Pending).filter_map(own_transaction) {
        if taken.insert(pending.clone()) {
            free.push(pending);
        }
    }
    let mut free = free.into_iter();
    for (accepted, transaction) in history.iter().zip(&mut transactions) {
        if closes(accepted) && transaction.is_none() {
            *transaction = free.next();
        }
    }
    transactions
}

/// What is known of a transaction that may be held open.
#[derive(Default)]
struct Held {
    /// A payment or failure says what has become of it.
    is_known: bool,
    /// Time of the first `refund_rest` of it.
    given_back_ms: Option<i64>,
    /// Its first pending has been looked at.
    is_seen: bool,
}

/// The payments that time assumes (3.2): one for each transaction that is held open past its `clearsAt`, unless the
/// history holds a payment or failure of it, whatever their time, or a `refund_rest` of it from before then.
fn clearings<'a>(
    history: &'a [Accepted],
    transactions: &[Option<Transaction>],
    cleared: &[Cleared],
    journal_time_ms: i64,
) -> Vec<Planned<'a>> {
    if !history.iter().any(|a| a.event.kind == Kind::Pending) {
        return Vec::new();
    }
    let mut held: BTreeMap<&Transaction, Held> = BTreeMap::new();
    for (accepted, transaction) in history.iter().zip(transactions) {
        let Some(transaction) = transaction else { continue };
        let held = held.entry(transaction).or_default();
        match accepted.event.kind {
            Kind::Payment | Kind::Failed => held.is_known = true,
            Kind::RefundRest => {
                let at = accepted.occurred_at_ms;
                held.given_back_ms = Some(held.given_back_ms.map_or(at, |earlier| earlier.min(at)));
            }
            _ => {}
        }
    }
    let published: BTreeSet<&Identity> = cleared.iter().map(|c| &c.pending).collect();
    let mut planned = Vec::new();
    for (pending, transaction) in history.iter().zip(transactions) {
        let Some(transaction) = transaction.as_ref().filter(|_| pending.event.kind == Kind::Pending) else {
            continue;
        };
        let Some(held) = held.get_mut(transaction) else { continue };
        // Pendings of one transaction clear together, with the first's time and fee.
        let first = !std::mem::replace(&mut held.is_seen, true);
        let due = pending.event.clears_at_ms.filter(|at| *at <= journal_time_ms && first);
        let due = due.filter(|at| !held.is_known && held.given_back_ms.is_none_or(|back| back >= *at));
        if due.is_none() && !published.contains(&pending.event.identity) {
            continue;
        }
        let time_ms =
            pending.event.clears_at_ms.unwrap_or(pending.occurred_at_ms).max(pending.occurred_at_ms);
        planned.push(Planned {
            accepted: pending,
            // Without a transaction nothing is open under it, and it means nothing.
            transaction: due.map(|_| transaction.clone()),
            identity: clearing_identity(&pending.event.identity),
            kind: Kind::Payment,
            time_ms,
            clearing: true,
        });
    }
    planned
}

/// The identity of the payment that time assumes for a pending.
#[must_use]
pub fn clearing_identity(pending: &Identity) -> Identity {
    Identity { event_id: format!("{}{CLEARS_SUFFIX}", pending.event_id).into(), line: pending.line }
}
