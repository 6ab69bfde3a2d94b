//! A second, simple computation of what a set of input records must end in.
//!
//! It is written from the accounting rules alone and in batch: all records are read, all events
//! grouped into charges, every charge sorted and walked once. Nothing is incremental, so nothing
//! can be forgotten when an event comes late, twice or before the one it depends on.
//!
//! It knows Track envelopes only, and projects without settings: economic days in UTC, no default
//! currency, processor `processor`, no fee schedule, no payback policy, points with step 10 and
//! bronze 1, silver 2, gold 3. A record of another format counts as `unknown_schema`; don't give
//! it any. Journal time is taken to be the largest record timestamp so far; identities and charges
//! are never dropped, so the records must span less than the horizon of 400 days.

mod card;
mod charge;
mod envelope;
mod figures;
mod json;
#[cfg(test)]
mod tests;
mod time;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use envelope::Event;

/// The most events that a charge's history holds.
const HISTORY_MAX: usize = 1_000;

/// One input record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Input<'a> {
    /// The project from the record's header.
    pub project: &'a str,
    /// The record's value as received.
    pub value: &'a [u8],
    /// The record's timestamp, in milliseconds since 1970-01-01T00:00:00Z.
    pub timestamp_ms: i64,
}

/// What a set of records ends in. What is zero is left out of every map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Events that take effect.
    pub accepted: u64,
    /// Events sent again with the same content.
    pub duplicates: u64,
    /// Events, and records that hold none, that are refused: number by reason code.
    pub dead_letters: BTreeMap<String, u64>,
    /// Figures by project, economic day (`YYYY-MM-DD`) and currency.
    pub daily: BTreeMap<(String, String, String), Daily>,
    /// Available points by project and user; pending points are always zero here.
    pub points: BTreeMap<(String, String), i64>,
    /// Balance in minor units by project, organization, account and currency: what the account is
    /// the destination of less what it is the origin of.
    pub balances: BTreeMap<(String, String, &'static str, String), i128>,
}

/// The figures of a project's day in one currency. Amounts are in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Daily {
    /// Payments.
    pub gross_sales_minor: i128,
    /// Refunds, as a positive figure.
    pub refunds_minor: i128,
    /// Always zero here: a Track envelope can't report a chargeback.
    pub chargebacks_minor: i128,
    /// Gross sales less refunds and chargebacks.
    pub gross_revenue_minor: i128,
    /// Fees of payments and of paybacks, less fees returned.
    pub platform_fees_minor: i128,
    /// Gross revenue less platform fees.
    pub net_revenue_minor: i128,
    /// Number of payments.
    pub transaction_count: u64,
    /// Number of refunds.
    pub refund_count: u64,
}

/// What the records end in, given in the order in which they are received.
pub fn expected<'a>(inputs: impl Iterator<Item = Input<'a>>) -> Totals {
    let mut totals = Totals::default();
    let mut events = HashMap::<Identity, Rc<Event>>::new();
    // In no order: charges only add to the totals.
    let mut charges = HashMap::<ChargeKey, Vec<Rc<Event>>>::new();
    let mut journal_ms = i64::MIN;
    for input in inputs {
        journal_ms = journal_ms.max(input.timestamp_ms);
        for read in envelope::read(&input, journal_ms) {
            let outcome = read.and_then(|event| admit(event, &mut events, &mut charges));
            match outcome {
                Ok(Admitted::First) => totals.accepted += 1,
                Ok(Admitted::Duplicate) => totals.duplicates += 1,
                Err(reason) => *totals.dead_letters.entry(reason.to_owned()).or_default() += 1,
            }
        }
    }
    for (key, history) in charges {
        charge::add(&mut totals, &key, history);
    }
    totals.daily.retain(|_, daily| *daily != Daily::default());
    totals.points.retain(|_, points| *points != 0);
    totals.balances.retain(|_, balance| *balance != 0);
    totals
}

/// Project, event id and line.
type Identity = (String, String, u64);

/// What makes events one charge.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct ChargeKey {
    project: String,
    reference: Reference,
    currency: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Reference {
    /// `chargeId`, else `orderId`.
    Named(String),
    /// An event that names neither is a charge by itself.
    Own(String, u64),
}

enum Admitted {
    First,
    Duplicate,
}

fn admit(
    event: Event,
    events: &mut HashMap<Identity, Rc<Event>>,
    charges: &mut HashMap<ChargeKey, Vec<Rc<Event>>>,
) -> Result<Admitted, &'static str> {
    let identity = (event.project.clone(), event.event_id.clone(), event.line);
    match events.get(&identity) {
        Some(first) if first.content == event.content => return Ok(Admitted::Duplicate),
        Some(_) => return Err("event_id_conflict"),
        None => {}
    }
    let content = &event.content;
    let named = content.charge_id.clone().or(content.order_id.clone());
    let key = ChargeKey {
        project: event.project.clone(),
        reference: named.map_or_else(|| Reference::Own(event.event_id.clone(), event.line), Reference::Named),
        currency: content.currency.clone(),
    };
    let history = charges.entry(key).or_default();
    if history.len() >= HISTORY_MAX {
        return Err("charge_history_full");
    }
    let event = Rc::new(event);
    history.push(Rc::clone(&event));
    events.insert(identity, event);
    Ok(Admitted::First)
}
