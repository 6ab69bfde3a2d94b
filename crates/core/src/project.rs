//! `apply`: one journal record into the books of its project.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::charge::{Accepted, Charge, ChargeKey, Cleared};
use crate::derive::{Derived, derive, own_transaction, owner, terms};
use crate::entry::Entry;
use crate::event::{Body, ChargeEvent, Identity, JournalRecord, Kind, SourcePosition};
use crate::fold::Fold;
use crate::meaning::Step;
use crate::name::Name;
use crate::rejection::{Reason, Rejection};
use crate::resolve::resolve;
use crate::rewards::PointsChange;
use crate::settings::Settings;
use crate::splits::{Allocation, Sharing};
use crate::state::{Books, State, Store};

/// What became of a journal record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// A charge event that is now in the books.
    Accepted,
    /// A spend event that is now in the books.
    AcceptedSpend,
    /// An event that was in the books already (5.2).
    Duplicate,
    /// An event that only the projector could refuse; it becomes a dead letter.
    Refused(Rejection),
    /// Appended twice by intake; it counts once.
    AlreadySeen,
    /// Settings or a tick.
    NotAnEvent,
}

/// What a journal record does, for the shell to publish: all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effects {
    /// Number of the record in its project's journal, from 1.
    pub journal_sequence: u64,
    /// What became of it.
    pub disposition: Disposition,
    /// Entries, in the order of their numbers.
    pub entries: Vec<Entry>,
    /// Changes of points.
    pub points: Vec<PointsChange>,
    /// Allocations to partners.
    pub allocations: Vec<Allocation>,
}

/// Applies a record. Rows and state that it changes are to be had from the state
/// ([`State::rows`], [`State::changes`]).
///
/// A record first moves the journal's time, which may clear pendings, then counts itself (3.2).
///
/// # Errors
/// Only where the state's store can't be read; the state is then not to be used any more.
pub fn apply<S: Store>(state: &mut State<S>, record: &JournalRecord) -> Result<Effects, S::Error> {
    #[cfg(feature = "negative-controls")]
    let controls = state.controls;
    let (books, store) = state.open(&record.project)?;
    books.touch();
    books.head.journal_sequence += 1;
    let mut project = Project {
        name: &record.project,
        books,
        store,
        recorded_at_ms: record.recorded_at_ms,
        caused_by: None,
        cause: 0,
        effects: Effects {
            journal_sequence: 0,
            disposition: Disposition::NotAnEvent,
            entries: Vec::new(),
            points: Vec::new(),
            allocations: Vec::new(),
        },
        #[cfg(feature = "negative-controls")]
        controls,
    };
    project.effects.journal_sequence = project.books.head.journal_sequence;
    project.move_time()?;
    project.effects.disposition = if project.seen(record.source.as_ref()) {
        project.books.head.already_seen += 1;
        Disposition::AlreadySeen
    } else {
        match &record.body {
            Body::Tick => Disposition::NotAnEvent,
            Body::Settings(settings) => {
                project.settings(settings);
                Disposition::NotAnEvent
            }
            Body::Charge(event) => project.charge(event, record.source_timestamp_ms)?,
            Body::Spend(event) => project.spend(event, record.source_timestamp_ms)?,
        }
    };
    Ok(project.effects)
}

/// A project's books while one record is applied to them.
pub(crate) struct Project<'a, S> {
    pub(crate) name: &'a Name,
    pub(crate) books: &'a mut Books,
    pub(crate) store: &'a S,
    pub(crate) recorded_at_ms: i64,
    /// The arriving event; `None` while time is the cause.
    pub(crate) caused_by: Option<Identity>,
    /// Number of the cause under way among this record's, so that each row counts it once.
    pub(crate) cause: u32,
    pub(crate) effects: Effects,
    #[cfg(feature = "negative-controls")]
    controls: crate::state::Controls,
}

impl<S: Store> Project<'_, S> {
    /// Journal time is the largest recorded time so far. What it clears on its way is cleared charge by charge in
    /// the order in which they are due, from the books as the horizon had left them before.
    fn move_time(&mut self) -> Result<(), S::Error> {
        let before = self.books.head.journal_time_ms;
        let now = before.map_or(self.recorded_at_ms, |t| t.max(self.recorded_at_ms));
        // A charge of several pendings is due once for each, and derived once for all of them: the second time
        // would find what the first has cleared, but not that it had.
        let mut derived = BTreeSet::new();
        while let Some(key) = self.books.take_due(now) {
            if !derived.contains(&key)
                && let Some(charge) = self.live_charge(&key)?
            {
                self.rederive(&key, charge, None, now)?;
                derived.insert(key);
            }
        }
        self.books.head.journal_time_ms = Some(now);
        Ok(())
    }

    /// Whether a position is at or below the highest seen of its source partition; if not, it is that from now on.
    fn seen(&mut self, source: Option<&SourcePosition>) -> bool {
        let Some(source) = source else { return false };
        #[cfg(feature = "negative-controls")]
        if self.controls.no_source_positions {
            return false;
        }
        let partition = |s: &SourcePosition| (s.topic.clone(), s.partition);
        let sources = &mut self.books.head.sources;
        // A project's records come from few partitions, and mostly from the one of the record before.
        if let Some(last) =
            sources.iter_mut().find(|s| s.partition == source.partition && s.topic == source.topic)
        {
            if (source.offset, source.item) <= (last.offset, last.item) {
                return true;
            }
            (last.offset, last.item) = (source.offset, source.item);
        } else {
            let at = sources.partition_point(|s| partition(s) < partition(source));
            sources.insert(at, source.clone());
        }
        false
    }

    fn settings(&mut self, settings: &Arc<Settings>) {
        let head = &mut self.books.head;
        let Some(current) = head.settings.last() else { return };
        if current == settings {
            return;
        }
        let now = head.journal_time_ms.unwrap_or(self.recorded_at_ms);
        if settings.dedupe_horizon_ms > current.dedupe_horizon_ms {
            // What is dropped stays dropped, also under a longer horizon.
            head.dropped.push((head.journal_sequence, now.saturating_sub(current.dedupe_horizon_ms)));
        }
        Arc::make_mut(&mut head.settings).push(settings.clone());
    }

    /// The charge of a key, taken out of the books, unless the horizon has dropped it (5.3).
    fn live_charge(&mut self, key: &ChargeKey) -> Result<Option<Box<Charge>>, S::Error> {
        let load = || Ok(self.store.charge(self.name, key)?.map(Box::new));
        let charge = self.books.charges.take(key, load)?;
        Ok(charge.filter(|c| self.books.head.is_live(c.recorded_at_ms, c.journal_sequence)))
    }

    fn charge(
        &mut self,
        event: &ChargeEvent,
        source_timestamp_ms: Option<i64>,
    ) -> Result<Disposition, S::Error> {
        let known = self.known(&event.identity)?;
        if let Some(fields) = known.as_ref().map(|k| k.differing_fields(event))
            && fields.is_empty()
        {
            self.books.head.duplicates += 1;
            return Ok(Disposition::Duplicate);
        }
        let (settings, index) = self.settings_in_force();
        let now = self.books.head.journal_time_ms.unwrap_or(self.recorded_at_ms);
        let resolved = resolve(event, source_timestamp_ms, self.name, &settings, index, now);
        let (accepted, currency) = match (resolved, known) {
            (Err(rejection), _) => return Ok(self.refuse(rejection)),
            (Ok(_), Some(known)) => {
                let fields = known.differing_fields(event).join(",");
                return Ok(self.refuse(Rejection::at(Reason::EventIdConflict, &fields)));
            }
            (Ok(resolved), None) => resolved,
        };
        let key = ChargeKey::of(event, currency);
        let charge = self.live_charge(&key)?;
        if charge.as_ref().is_some_and(|c| c.history.len() >= settings.charge_history_max as usize) {
            if let Some(charge) = charge {
                self.books.charges.put(key, charge);
            }
            return Ok(self.refuse(Rejection::at(Reason::ChargeHistoryFull, "chargeId")));
        }
        self.accept(key, charge, accepted, now)?;
        Ok(Disposition::Accepted)
    }

    /// The event that an identity stands for, if it is in the books.
    fn known(&mut self, identity: &Identity) -> Result<Option<ChargeEvent>, S::Error> {
        #[cfg(feature = "negative-controls")]
        if self.controls.no_dedupe {
            return Ok(None);
        }
        let Books { head, charges, identities, .. } = &mut *self.books;
        let Some(key) = identities.get(identity, || self.store.identity(self.name, identity))? else {
            return Ok(None);
        };
        let charge = charges.get(key, || Ok(self.store.charge(self.name, key)?.map(Box::new)))?;
        let live = charge.filter(|c| head.is_live(c.recorded_at_ms, c.journal_sequence));
        Ok(live.and_then(|c| c.event(identity)).map(|a| a.event.clone()))
    }

    pub(crate) fn settings_in_force(&self) -> (Arc<Settings>, u32) {
        let all = &self.books.head.settings;
        let index = u32::try_from(all.len().saturating_sub(1)).unwrap_or(u32::MAX);
        (all.last().cloned().unwrap_or_default(), index)
    }

    pub(crate) fn refuse(&mut self, rejection: Rejection) -> Disposition {
        *self.books.head.refused.entry(rejection.reason).or_default() += 1;
        Disposition::Refused(rejection)
    }

    /// Takes an event into its charge: folded on where it comes in order, else by deriving the history again.
    fn accept(
        &mut self,
        key: ChargeKey,
        charge: Option<Box<Charge>>,
        mut accepted: Accepted,
        now: i64,
    ) -> Result<(), S::Error> {
        self.books.head.accepted += 1;
        self.books.identities.put(accepted.event.identity.clone(), key.clone());
        self.caused_by = Some(accepted.event.identity.clone());
        if let Some(at) = accepted.event.clears_at_ms.filter(|_| accepted.event.kind == Kind::Pending)
            && at > now
        {
            self.books.add_due(at, key.clone());
        }
        let mut charge = charge.unwrap_or_else(|| {
            Box::new(Charge {
                history: Vec::with_capacity(1),
                cleared: Vec::new(),
                fold: Fold::default(),
                recorded_at_ms: self.recorded_at_ms,
                journal_sequence: 0,
            })
        });
        charge.recorded_at_ms = charge.recorded_at_ms.max(self.recorded_at_ms);
        charge.journal_sequence = self.books.head.journal_sequence;
        if !charge.folds_on(&accepted, now) {
            return self.rederive(&key, charge, Some(accepted), now);
        }
        let settings = self.books.head.settings.clone();
        accepted.entry_number = self.books.head.entry_number + 1;
        charge.history.push(accepted);
        if let (Some(terms), Some(new)) =
            (terms(self.name, &key, &charge.history, &settings), charge.history.last())
            && let Some(in_force) = settings.get(new.settings as usize)
        {
            if charge.fold.sharing.is_none()
                && new.event.kind == Kind::Payment
                && let Some(owner) = owner(&terms, new)
            {
                if charge.fold.paid > 0 {
                    // What was paid before it is this owner's.
                    let new = charge.history.pop();
                    return self.rederive(&key, charge, new, now);
                }
                charge.fold.sharing = Some(Sharing::by(owner));
            }
            let step = Step {
                accepted: new,
                settings: in_force,
                kind: new.event.kind,
                time_ms: new.occurred_at_ms,
                transaction: own_transaction(new),
                clearing: false,
            };
            let meaning = charge.fold.step(&terms, &step);
            self.publish_primary(&key, &terms, new, (&new.event.identity, false), new.event.kind, &meaning)?;
        }
        self.books.charges.put(key, charge);
        Ok(())
    }

    /// Derives a charge before and after a new event (or, without one, before and after time has moved) and
    /// publishes the difference: primary entries of what is new, adjusting entries for what has changed.
    fn rederive(
        &mut self,
        key: &ChargeKey,
        mut charge: Box<Charge>,
        new: Option<Accepted>,
        now: i64,
    ) -> Result<(), S::Error> {
        let settings = self.books.head.settings.clone();
        let time_before = self.books.head.journal_time_ms.unwrap_or(now);
        let history_before = charge.history.clone();
        let cleared_before = charge.cleared.clone();
        let terms_before = terms(self.name, key, &history_before, &settings);
        let before = terms_before
            .as_ref()
            .map(|t| derive(t, &history_before, &cleared_before, &settings, time_before).0)
            .unwrap_or_default();

        let new_identity = new.as_ref().map(|n| n.event.identity.clone());
        if let Some(mut new) = new {
            new.entry_number = self.books.head.entry_number + 1;
            let at = charge.history.partition_point(|a| a.sorts(&new).is_lt());
            charge.history.insert(at, new);
        }
        let history = charge.history.clone();
        let Some(terms) = terms(self.name, key, &history, &settings) else { return Ok(()) };
        let (after, fold) = derive(&terms, &history, &cleared_before, &settings, now);
        charge.fold = fold;

        let had_cleared: BTreeSet<&Identity> = cleared_before.iter().map(|c| &c.pending).collect();
        let is_new = |d: &Derived<'_>| {
            if d.clearing {
                !had_cleared.contains(&d.accepted.event.identity)
            } else {
                new_identity.as_ref() == Some(&d.identity)
            }
        };
        // The arriving event's own entry first, then what time assumes anew, then what they change.
        let arrived = |d: &&Derived<'_>| is_new(d) && !d.clearing;
        let assumed = |d: &&Derived<'_>| is_new(d) && d.clearing;
        for derived in after.iter().filter(arrived).chain(after.iter().filter(assumed)) {
            if derived.clearing {
                charge.cleared.push(Cleared {
                    pending: derived.accepted.event.identity.clone(),
                    entry_number: self.books.head.entry_number + 1,
                });
            }
            let Derived { identity, accepted, kind, meaning, clearing } = derived;
            self.publish_primary(key, &terms, accepted, (identity, *clearing), *kind, meaning)?;
        }
        // A sender's event may have the id of a clearing; it is another event all the same.
        let earlier: BTreeMap<_, _> = before.iter().map(|d| ((d.clearing, &d.identity), d)).collect();
        for derived in after.iter().filter(|d| !is_new(d)) {
            let Some(earlier) = earlier.get(&(derived.clearing, &derived.identity)) else { continue };
            self.publish_adjustment(key, &terms, &charge.cleared, earlier, derived)?;
        }
        self.books.charges.put(key.clone(), charge);
        Ok(())
    }
}
