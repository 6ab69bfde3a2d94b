//! What is compared. What is zero is left out of every map: a row of zeros says the same as no row (section 7).

use std::collections::{BTreeMap, BTreeSet};

use daybook_core::calendar::{Day, Month};
use daybook_core::money::Currency;
use daybook_core::name::Name;
use daybook_core::party::Account;
use daybook_core::settings::PartnerType;

/// The books of one project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    /// Balances: what an account is the destination of less what it is the origin of.
    pub balances: BTreeMap<(Name, Account, Currency), i128>,
    /// The same by economic day.
    pub moved: BTreeMap<(Day, Name, Account, Currency), i128>,
    /// Pending and available points by user.
    pub points: BTreeMap<Name, (i128, i128)>,
    /// `revenue.daily`.
    pub revenue: BTreeMap<(Day, Currency), Revenue>,
    /// `spend.daily`.
    pub spend: BTreeMap<(Day, Currency), i128>,
    /// `profit.daily`.
    pub profit: BTreeMap<(Day, Currency), Profit>,
    /// `profit.monthly`.
    pub months: BTreeMap<(Month, Currency), Profit>,
    /// `owner-profit.daily`.
    pub owner_profit: BTreeMap<(Day, Currency), OwnerProfit>,
    /// `kpis.daily`.
    pub kpis: BTreeMap<(Day, Currency), Kpis>,
    /// `allocations.daily`.
    pub allocations: BTreeMap<(Day, Currency, PartnerType, Name), i128>,
    /// `customers.profile`.
    pub customers: BTreeMap<(Name, Currency), Customer>,
    /// Of each event in the books what it means in the end.
    pub events: BTreeMap<EventKey, Event>,
    /// Numbers of records.
    pub counts: Counts,
}

impl Books {
    /// Leaves out what is zero.
    pub fn leave_out_zeros(&mut self) {
        fn keep<K: Ord, V: Default + PartialEq>(rows: &mut BTreeMap<K, V>) {
            rows.retain(|_, row| *row != V::default());
        }
        keep(&mut self.balances);
        keep(&mut self.moved);
        keep(&mut self.points);
        keep(&mut self.revenue);
        keep(&mut self.spend);
        keep(&mut self.profit);
        keep(&mut self.months);
        keep(&mut self.owner_profit);
        keep(&mut self.kpis);
        keep(&mut self.allocations);
        keep(&mut self.customers);
        for event in self.events.values_mut() {
            keep(&mut event.postings);
        }
    }
}

/// An event in the books: the number, from 0, of its record among all, and whether it is the clearing of that record's
/// pending. Ids may come again after the horizon; these don't.
pub type EventKey = (usize, bool);

/// What an event means in the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// Its net postings: from the organization and account to the other ones.
    pub postings: BTreeMap<(Name, Account, Name, Account), i128>,
    /// State of its charge after it (3.4); empty for points, which are of no charge.
    pub charge_state: &'static str,
    /// What is odd about it, but for `overdrawn`, which depends on the order of arrival.
    pub flags: BTreeSet<&'static str>,
    /// Whether its charge is in the books to the end.
    pub live: bool,
}

/// Numbers of a project's records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Charge events in the books.
    pub accepted: u64,
    /// Spend events in the books, each version one.
    pub accepted_spend: u64,
    /// Events that were in the books already.
    pub duplicates: u64,
    /// Refused events by reason code.
    pub refused: BTreeMap<&'static str, u64>,
    /// Records appended twice.
    pub already_seen: u64,
}

/// A day's revenue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the columns of section 7
pub struct Revenue {
    pub gross_sales: i128,
    pub refunds: i128,
    pub chargebacks: i128,
    pub gross_revenue: i128,
    pub platform_fees: i128,
    pub net_revenue: i128,
    pub transaction_count: i128,
    pub refund_count: i128,
    pub chargeback_count: i128,
}

/// A day's or month's profit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the columns of section 7
pub struct Profit {
    pub gross_revenue: i128,
    pub platform_fees: i128,
    pub net_revenue: i128,
    pub ad_spend: i128,
    pub profit: i128,
    pub roas: Option<String>,
}

/// What a day leaves to the owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the columns of section 7
pub struct OwnerProfit {
    pub net_revenue: i128,
    pub affiliate_fees: i128,
    pub coproducer_fees: i128,
    pub owner_revenue: i128,
    pub ad_spend: i128,
    pub owner_profit: i128,
    pub owner_roas: Option<String>,
}

/// A day's figures of the dashboard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the columns of section 7
pub struct Kpis {
    pub gross_sales: i128,
    pub net_sales: i128,
    pub pending_revenue: i128,
    pub points_issued: i128,
    pub points_redeemed: i128,
    pub points_reversed: i128,
}

/// A client profile (section 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the figures of section 9
pub struct Customer {
    pub value: i128,
    pub payable: i128,
    pub acquisition: i128,
    pub dispute: i128,
}
