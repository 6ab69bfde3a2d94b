//! A store that keeps what batches have changed, as the state store does: what is read back is what was there.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use daybook_core::calendar::{Day, Month};
use daybook_core::charge::{Charge, ChargeKey};
use daybook_core::daily::{AllocationRow, DayRow, MonthRow};
use daybook_core::event::Identity;
use daybook_core::money::Currency;
use daybook_core::name::Name;
use daybook_core::organization::Organization;
use daybook_core::settings::PartnerType;
use daybook_core::spend::Spend;
use daybook_core::state::{AllocationKey, Change, Head, State, Store};

/// Everything that was settled, of one project.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    head: Option<Head>,
    charges: BTreeMap<ChargeKey, Charge>,
    identities: BTreeMap<Identity, ChargeKey>,
    organizations: BTreeMap<Name, Organization>,
    days: BTreeMap<(Day, Currency), DayRow>,
    months: BTreeMap<(Month, Currency), MonthRow>,
    allocations: BTreeMap<(Day, Currency, PartnerType, Name), AllocationRow>,
    spend: BTreeMap<Name, Spend>,
    due: BTreeSet<(i64, ChargeKey)>,
}

/// The state reads it while the test writes it.
#[derive(Debug, Default)]
pub struct Shelf {
    /// What it holds.
    pub kept: RefCell<Kept>,
    /// How often it was asked for charges, identities and spend.
    pub reads: Cell<[usize; 3]>,
}

impl Kept {
    fn keep(&mut self, change: Change<'_>) {
        match change {
            Change::Head(head) => self.head = Some(head.clone()),
            Change::Charge(key, charge) => drop(self.charges.insert(key.clone(), charge.clone())),
            Change::Identity(identity, key) => drop(self.identities.insert(identity.clone(), key.clone())),
            Change::Organization(name, value) => drop(self.organizations.insert(name.clone(), value.clone())),
            Change::Day(key, row) => drop(self.days.insert(*key, *row)),
            Change::Month(key, row) => drop(self.months.insert(*key, *row)),
            Change::Allocation(key, row) => drop(self.allocations.insert(partner(key), *row)),
            Change::Spend(id, spend) => drop(self.spend.insert(id.clone(), spend.clone())),
            Change::Due(at, key, true) => drop(self.due.insert((at, key.clone()))),
            Change::Due(at, key, false) => drop(self.due.remove(&(at, key.clone()))),
        }
    }
}

impl Shelf {
    fn count(&self, kind: usize) {
        let mut reads = self.reads.get();
        reads[kind] += 1;
        self.reads.set(reads);
    }
}

fn partner(key: &AllocationKey) -> (Day, Currency, PartnerType, Name) {
    (key.day, key.currency, key.partner.partner_type, key.partner.name.clone())
}

/// Ends a batch: keeps what it has changed and bounds what stays in memory.
pub fn commit(state: &mut State<Shelf>, keep_max: usize) {
    {
        let mut kept = state.store().kept.borrow_mut();
        state.changes().for_each(|(_, change)| kept.keep(change));
    }
    state.settle();
    state.forget_clean(keep_max);
}

impl Store for Shelf {
    type Error = Infallible;

    fn head(&self, _: &Name) -> Result<Option<Head>, Infallible> {
        Ok(self.kept.borrow().head.clone())
    }

    fn charge(&self, _: &Name, key: &ChargeKey) -> Result<Option<Charge>, Infallible> {
        self.count(0);
        Ok(self.kept.borrow().charges.get(key).cloned())
    }

    fn identity(&self, _: &Name, identity: &Identity) -> Result<Option<ChargeKey>, Infallible> {
        self.count(1);
        Ok(self.kept.borrow().identities.get(identity).cloned())
    }

    fn organization(&self, _: &Name, name: &Name) -> Result<Option<Organization>, Infallible> {
        Ok(self.kept.borrow().organizations.get(name).cloned())
    }

    fn day(&self, _: &Name, key: &(Day, Currency)) -> Result<Option<DayRow>, Infallible> {
        Ok(self.kept.borrow().days.get(key).copied())
    }

    fn month(&self, _: &Name, key: &(Month, Currency)) -> Result<Option<MonthRow>, Infallible> {
        Ok(self.kept.borrow().months.get(key).copied())
    }

    fn allocation(&self, _: &Name, key: &AllocationKey) -> Result<Option<AllocationRow>, Infallible> {
        Ok(self.kept.borrow().allocations.get(&partner(key)).copied())
    }

    fn spend(&self, _: &Name, event_id: &Name) -> Result<Option<Spend>, Infallible> {
        self.count(2);
        Ok(self.kept.borrow().spend.get(event_id).cloned())
    }

    fn due(&self, _: &Name) -> Result<Vec<(i64, ChargeKey)>, Infallible> {
        Ok(self.kept.borrow().due.iter().cloned().collect())
    }
}
