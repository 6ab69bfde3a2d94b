//! The projector's state as read from a log's state store.

use daybook_core::calendar::Day;
use daybook_core::charge::{Charge, ChargeKey};
use daybook_core::daily::DayRow;
use daybook_core::event::Identity;
use daybook_core::money::Currency;
use daybook_core::name::Name;
use daybook_core::state::{Head, Organization, Store};
use daybook_wire::binary::{Malformed, Reader};
use daybook_wire::state::{self, Table};

use crate::log::{Log, LogError};

/// [`Store`] over the state store of a log.
#[derive(Clone, Debug)]
pub struct LogStore<L>(pub L);

fn decoded<T>(
    bytes: Option<Vec<u8>>,
    decode: impl FnOnce(&[u8]) -> Result<T, Malformed>,
) -> Result<Option<T>, LogError> {
    bytes.map(|b| decode(&b)).transpose().map_err(|e| LogError::Failed(Box::new(e)))
}

impl<L: Log> Store for LogStore<L> {
    type Error = LogError;

    fn head(&self, project: &Name) -> Result<Option<Head>, LogError> {
        decoded(self.0.state(&state::key_prefix(Table::Head, project))?, state::read_head)
    }

    fn charge(&self, project: &Name, key: &ChargeKey) -> Result<Option<Charge>, LogError> {
        decoded(self.0.state(&state::charge_key(project, key))?, state::read_charge)
    }

    fn identity(&self, project: &Name, identity: &Identity) -> Result<Option<ChargeKey>, LogError> {
        decoded(self.0.state(&state::identity_key(project, identity))?, |b| {
            state::read_charge_key(&mut Reader::new(b))
        })
    }

    fn organization(&self, project: &Name, name: &Name) -> Result<Option<Organization>, LogError> {
        decoded(self.0.state(&state::organization_key(project, name))?, state::read_organization)
    }

    fn day(&self, project: &Name, key: &(Day, Currency)) -> Result<Option<DayRow>, LogError> {
        decoded(self.0.state(&state::day_key(project, key))?, state::read_day)
    }

    fn due(&self, project: &Name) -> Result<Vec<(i64, ChargeKey)>, LogError> {
        let prefix = state::key_prefix(Table::Due, project);
        let read = |key: Vec<u8>| state::read_due_key(&key, prefix.len());
        let keys = self.0.state_keys(&prefix)?.into_iter().map(read);
        keys.collect::<Result<_, _>>().map_err(|e| LogError::Failed(Box::new(e)))
    }
}
