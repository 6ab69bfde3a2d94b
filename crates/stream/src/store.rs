//! The projector's state as read from a state store.

use daybook_core::calendar::{Day, Month};
use daybook_core::charge::{Charge, ChargeKey};
use daybook_core::daily::{AllocationRow, DayRow, MonthRow};
use daybook_core::event::Identity;
use daybook_core::money::Currency;
use daybook_core::name::Name;
use daybook_core::organization::Organization;
use daybook_core::spend::Spend;
use daybook_core::state::{AllocationKey, Head, Store};
use daybook_wire::binary::{Malformed, Reader};
use daybook_wire::state::{self, Table};

use crate::log::{LogError, StateStore};

/// [`Store`] over the bytes of a state store.
#[derive(Clone, Debug)]
pub struct StoredState<S>(pub S);

impl<S: StateStore> StoredState<S> {
    /// The projects that it knows.
    ///
    /// # Errors
    /// [`LogError::Failed`].
    pub fn projects(&self) -> Result<Vec<Name>, LogError> {
        let keys = self.0.keys(&[Table::Head as u8])?;
        let names = keys.iter().map(|key| state::read_head_key(key));
        names.collect::<Result<_, _>>().map_err(|e| LogError::Failed(Box::new(e)))
    }
}

fn decoded<T>(
    bytes: Option<Vec<u8>>,
    decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
) -> Result<Option<T>, LogError> {
    bytes.map(|b| decode(&b)).transpose().map_err(|e| LogError::Failed(Box::new(e)))
}

impl<S: StateStore> Store for StoredState<S> {
    type Error = LogError;

    fn head(&self, project: &Name) -> Result<Option<Head>, LogError> {
        decoded(self.0.get(&state::key_prefix(Table::Head, project))?, state::read_head)
    }

    fn charge(&self, project: &Name, key: &ChargeKey) -> Result<Option<Charge>, LogError> {
        decoded(self.0.get(&state::charge_key(project, key))?, state::read_charge)
    }

    fn identity(&self, project: &Name, identity: &Identity) -> Result<Option<ChargeKey>, LogError> {
        decoded(self.0.get(&state::identity_key(project, identity))?, |b| {
            state::read_charge_key(&mut Reader::new(b))
        })
    }

    fn organization(&self, project: &Name, name: &Name) -> Result<Option<Organization>, LogError> {
        decoded(self.0.get(&state::organization_key(project, name))?, state::read_organization)
    }

    fn day(&self, project: &Name, key: &(Day, Currency)) -> Result<Option<DayRow>, LogError> {
        decoded(self.0.get(&state::day_key(project, key))?, state::read_day)
    }

    fn month(&self, project: &Name, key: &(Month, Currency)) -> Result<Option<MonthRow>, LogError> {
        decoded(self.0.get(&state::month_key(project, key))?, state::read_month)
    }

    fn allocation(&self, project: &Name, key: &AllocationKey) -> Result<Option<AllocationRow>, LogError> {
        decoded(self.0.get(&state::allocation_key(project, key))?, state::read_allocation)
    }

    fn spend(&self, project: &Name, event_id: &Name) -> Result<Option<Spend>, LogError> {
        decoded(self.0.get(&state::spend_key(project, event_id))?, state::read_spend_event)
    }

    fn due(&self, project: &Name) -> Result<Vec<(i64, ChargeKey)>, LogError> {
        let prefix = state::key_prefix(Table::Due, project);
        let read = |key: Vec<u8>| state::read_due_key(&key, prefix.len());
        let keys = self.0.keys(&prefix)?.into_iter().map(read);
        keys.collect::<Result<_, _>>().map_err(|e| LogError::Failed(Box::new(e)))
    }
}
