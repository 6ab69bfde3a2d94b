//! What an event means in its charge, and what that depends on.

use std::sync::Arc;

use crate::calendar::Day;
use crate::charge::Accepted;
use crate::charge_state::ChargeState;
use crate::daily::{Columns, Kpis};
use crate::entry::Leg;
use crate::event::{Identity, Kind};
use crate::flags::Flags;
use crate::fold::Transaction;
use crate::money::Currency;
use crate::name::Name;
use crate::party::Parties;
use crate::rewards::{Earning, Points};
use crate::settings::Settings;
use crate::splits::Share;

/// What is the same for every event of a charge: fixed by its first opening event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The project.
    pub provider: Name,
    /// The user of the first opening event (1.5).
    pub customer: Name,
    /// Identity of the first opening event.
    pub opening: Identity,
    /// How points are earned.
    pub earning: Earning,
    /// The charge's currency.
    pub currency: Currency,
    /// The settings of the first opening event: those of splits (3.7).
    pub settings: Arc<Settings>,
    /// The first opening event's product.
    pub product: Option<Name>,
    /// The first opening event's day: that of purchase, unless phase 0 is empty (section 7, "Dashboard KPIs").
    pub purchase_day: Option<Day>,
}

impl Terms {
    /// What an event of the charge is of: the product that it names, else the first opening event's (3.7).
    #[must_use]
    pub fn product_of<'a>(&'a self, accepted: &'a Accepted) -> Option<&'a Name> {
        accepted.event.product.as_ref().or(self.product.as_ref())
    }
}

/// One step of the walk.
pub struct Step<'a> {
    /// The event; of a clearing by time, the pending that clears.
    pub accepted: &'a Accepted,
    /// The settings that apply to it.
    pub settings: &'a Settings,
    /// Kind of the step: the event's, or `payment` for a clearing.
    pub kind: Kind,
    /// Its time, Unix milliseconds.
    pub time_ms: i64,
    /// The transaction that it is of, once payments without one are paired.
    pub transaction: Option<Transaction>,
    /// Whether it is a clearing by time (3.2), whose amount is what is open.
    pub clearing: bool,
}

/// What one event means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meaning {
    /// Its postings, between roles.
    pub legs: Vec<Leg>,
    /// Who fills the roles.
    pub parties: Parties,
    /// What it adds to its day.
    pub columns: Columns,
    /// What it adds to the day of purchase.
    pub kpis: Kpis,
    /// The charge's day of purchase; the event's own where there was none.
    pub purchase_day: Day,
    /// How its net effect is shared; empty where the charge has no split rule.
    pub shares: Vec<Share>,
    /// Change of the customer's points.
    pub points: Points,
    /// The event's amount rounded up, major units.
    pub rounded_spend: i64,
    /// The charge's state after it.
    pub state: ChargeState,
    /// What is odd about it.
    pub flags: Flags,
    /// Event time, Unix milliseconds.
    pub time_ms: i64,
    /// The day that it counts on.
    pub day: Day,
}
