//! One kind of value of the state by key: a cache that knows what a batch has changed, in a stable order.

use std::hash::Hash;

// The only map with an unstable order in this crate. It is private to `Table`, which never iterates over it.
#[allow(clippy::disallowed_types)]
type Unordered<K, V> = std::collections::HashMap<K, V, foldhash::fast::FixedState>;

/// A cached value and whether the batch under way has changed it. `None`: the store has no such value.
#[derive(Clone, Debug)]
struct Slot<V> {
    value: Option<V>,
    changed: bool,
}

/// One kind of value by key. Changed keys are kept in the order in which they were first changed, so that what
/// comes out of a table has an order that depends on the journal alone.
#[derive(Clone, Debug)]
pub(crate) struct Table<K, V> {
    slots: Unordered<K, Slot<V>>,
    /// Values that were not asked for lately, all of them unchanged: the next to be forgotten.
    older: Unordered<K, Slot<V>>,
    changed: Vec<K>,
    untracked: bool,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self {
            slots: Unordered::default(),
            older: Unordered::default(),
            changed: Vec::new(),
            untracked: false,
        }
    }
}

impl<K, V> Table<K, V> {
    /// A table of whose changes no one will ask.
    pub(crate) fn untracked(untracked: bool) -> Self {
        Self { untracked, ..Self::default() }
    }
}

impl<K: Clone + Eq + Hash, V> Table<K, V> {
    /// Has a value among the younger ones, if it is cached at all.
    fn recall(&mut self, key: &K) {
        if !self.older.is_empty()
            && !self.slots.contains_key(key)
            && let Some((key, slot)) = self.older.remove_entry(key)
        {
            self.slots.insert(key, slot);
        }
    }

    /// The value, loaded where it is not cached.
    pub(crate) fn get<E>(
        &mut self,
        key: &K,
        load: impl FnOnce() -> Result<Option<V>, E>,
    ) -> Result<Option<&V>, E> {
        self.recall(key);
        if !self.slots.contains_key(key) {
            let value = load()?;
            self.slots.insert(key.clone(), Slot { value, changed: false });
        }
        Ok(self.slots.get(key).and_then(|s| s.value.as_ref()))
    }

    /// Takes the value out to be changed. [`Table::put`] must follow.
    pub(crate) fn take<E>(
        &mut self,
        key: &K,
        load: impl FnOnce() -> Result<Option<V>, E>,
    ) -> Result<Option<V>, E> {
        self.recall(key);
        match self.slots.get_mut(key) {
            Some(slot) => Ok(slot.value.take()),
            None => load(),
        }
    }

    /// Changes a value in place, loaded or begun where there is none, and marks it as changed.
    pub(crate) fn change<E>(
        &mut self,
        key: &K,
        load: impl FnOnce() -> Result<Option<V>, E>,
        change: impl FnOnce(&mut V),
    ) -> Result<(), E>
    where
        V: Default,
    {
        self.recall(key);
        if let Some(slot) = self.slots.get_mut(key) {
            change(slot.value.get_or_insert_default());
            if !slot.changed {
                slot.changed = true;
                self.changed.push(key.clone());
            }
        } else {
            let mut value = load()?.unwrap_or_default();
            change(&mut value);
            self.changed.push(key.clone());
            self.slots.insert(key.clone(), Slot { value: Some(value), changed: true });
        }
        Ok(())
    }

    /// Sets the value and marks it as changed.
    pub(crate) fn put(&mut self, key: K, value: V) {
        self.recall(&key);
        match self.slots.get_mut(&key) {
            Some(slot) => {
                slot.value = Some(value);
                if !slot.changed && !self.untracked {
                    slot.changed = true;
                    self.changed.push(key);
                }
            }
            None => {
                if !self.untracked {
                    self.changed.push(key.clone());
                }
                self.slots.insert(key, Slot { value: Some(value), changed: !self.untracked });
            }
        }
    }

    /// What has changed, in the order in which it first did.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (&K, &V)> {
        self.changed.iter().filter_map(|k| Some((k, self.slots.get(k)?.value.as_ref()?)))
    }

    pub(crate) fn settle(&mut self) {
        for key in self.changed.drain(..) {
            if let Some(slot) = self.slots.get_mut(&key) {
                slot.changed = false;
            }
        }
    }

    /// Bounds the values to twice `keep_max`: those that were asked for least lately go. Only where nothing is changed.
    pub(crate) fn forget_clean(&mut self, keep_max: usize) {
        // An untracked table is all there is: it has nowhere to read a value from again.
        if !self.untracked && self.changed.is_empty() && self.slots.len() > keep_max {
            self.older = std::mem::take(&mut self.slots);
        }
    }
}
