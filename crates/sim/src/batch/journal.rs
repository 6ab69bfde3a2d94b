//! The first pass, in journal order: which events are in the books, and until when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use daybook_core::event::{Body, ChargeEvent, Identity, JournalRecord, SourcePosition, SpendEvent};
use daybook_core::money::Currency;
use daybook_core::name::Name;
use daybook_core::rejection::Reason;
use daybook_core::settings::Settings;

use super::admit::{Accepted, AcceptedSpend, Circumstances};
use super::{Outcome, Rules, Twist};

/// What events have in common that are in the books as one and leave them as one (section 3, 5.3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// All under one reference in one currency.
    Charge(Name, Currency),
    /// An event without a reference: a charge by itself.
    Alone(Identity, Currency),
    /// Points, of no charge.
    Points(Identity),
    /// All versions of a spend event.
    Spend(Name),
}

/// One stay of a charge in the books. After the horizon the same key begins another.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) key: Key,
    pub(crate) events: Vec<Accepted>,
    pub(crate) spend: Vec<AcceptedSpend>,
    /// Journal time of its last moment in the books, where the horizon has dropped it.
    pub(crate) dropped_ms: Option<i64>,
    last_recorded_ms: i64,
}

/// A project at the end of the journal.
#[derive(Debug, Default)]
pub(crate) struct Project {
    pub(crate) lives: Vec<Life>,
    pub(crate) time_ms: i64,
    pub(crate) outcomes: Vec<Outcome>,
    settings: Option<Arc<Settings>>,
    seen: BTreeSet<SourcePosition>,
    live: BTreeMap<Key, usize>,
    identities: BTreeMap<Identity, usize>,
    ages: BTreeSet<(i64, usize)>,
    rules: Rules,
}

/// Reads all records. The outcomes are in journal order.
pub(crate) fn read(records: &[JournalRecord], rules: Rules) -> (Vec<Outcome>, BTreeMap<Name, Project>) {
    let mut projects: BTreeMap<Name, Project> = BTreeMap::new();
    let outcomes = records.iter().enumerate().map(|(number, record)| {
        let project = projects.entry(record.project.clone()).or_insert_with(|| Project {
            time_ms: i64::MIN,
            rules,
            ..Project::default()
        });
        let outcome = project.record(number, record);
        project.outcomes.push(outcome);
        outcome
    });
    let outcomes = outcomes.collect();
    (outcomes, projects)
}

impl Project {
    /// A record first moves time (clearings, then what the horizon drops), then counts itself (3.2).
    fn record(&mut self, number: usize, record: &JournalRecord) -> Outcome {
        self.time_ms = self.time_ms.max(record.recorded_at_ms);
        self.drop_what_is_passed();
        if let Some(source) = &record.source
            && !self.seen.insert(source.clone())
        {
            return Outcome::AlreadySeen;
        }
        let settings = self.settings.clone().unwrap_or_default();
        let circumstances = Circumstances {
            record: number,
            project: &record.project,
            settings: &settings,
            kafka_ms: record.source_timestamp_ms,
            journal_ms: self.time_ms,
            rules: self.rules,
        };
        let outcome = match &record.body {
            Body::Tick => Ok(Outcome::NotAnEvent),
            Body::Settings(settings) => {
                self.settings = Some(Arc::clone(settings));
                Ok(Outcome::NotAnEvent)
            }
            // The same again is a duplicate whatever the settings or the clocks now say of it (5.2).
            Body::Charge(event)
                if self.first(&event.identity).is_some_and(|first| same_content(first, event)) =>
            {
                Ok(Outcome::Duplicate)
            }
            Body::Charge(event) => circumstances
                .charge(event)
                .and_then(|accepted| self.charge(event, accepted, record.recorded_at_ms)),
            Body::Spend(event) if self.version(event).is_some_and(|first| *first == **event) => {
                Ok(Outcome::Duplicate)
            }
            Body::Spend(event) => circumstances
                .spend(event)
                .and_then(|accepted| self.spend(event, accepted, record.recorded_at_ms)),
        };
        // A shorter horizon drops at once (5.3, "exactly when").
        self.drop_what_is_passed();
        outcome.unwrap_or_else(Outcome::Refused)
    }

    /// 5.3: dropped exactly when journal time passes the last event's recorded time + horizon.
    fn drop_what_is_passed(&mut self) {
        let horizon = self.settings.clone().unwrap_or_default().dedupe_horizon_ms;
        let horizon = horizon - i64::from(self.rules.are(Twist::HorizonInclusive));
        while let Some((recorded_ms, number)) = self.ages.first().copied()
            && self.time_ms - recorded_ms > horizon
        {
            self.ages.pop_first();
            let life = &mut self.lives[number];
            life.dropped_ms = Some(self.time_ms);
            self.live.remove(&life.key);
            for accepted in &life.events {
                self.identities.remove(&accepted.event.identity);
            }
        }
    }

    /// The event in the books that has this identity (5.1).
    fn first(&self, identity: &Identity) -> Option<&ChargeEvent> {
        let life = &self.lives[*self.identities.get(identity)?];
        life.events.iter().map(|a| &a.event).find(|event| event.identity == *identity)
    }

    /// The same version of a spend event that is in the books.
    fn version(&self, event: &SpendEvent) -> Option<&SpendEvent> {
        let life = &self.lives[*self.live.get(&Key::Spend(event.event_id.clone()))?];
        life.spend.iter().map(|v| &v.event).find(|first| first.version == event.version)
    }

    fn charge(
        &mut self,
        event: &ChargeEvent,
        accepted: Accepted,
        recorded_ms: i64,
    ) -> Result<Outcome, Reason> {
        if self.first(&event.identity).is_some() {
            return Err(Reason::EventIdConflict);
        }
        let reference = event.charge_id.as_ref().or(event.order_id.as_ref()).or(event.transaction.as_ref());
        let key = match reference {
            _ if event.kind.is_points() => Key::Points(event.identity.clone()),
            Some(reference) => Key::Charge(reference.clone(), accepted.currency),
            None => Key::Alone(event.identity.clone(), accepted.currency),
        };
        let history_max = u64::from(accepted.settings.charge_history_max);
        let events = self.live.get(&key).map_or(0, |life| self.lives[*life].events.len());
        if !event.kind.is_points() && events as u64 >= history_max {
            return Err(Reason::ChargeHistoryFull);
        }
        let life = self.life(key, recorded_ms);
        self.identities.insert(event.identity.clone(), life);
        self.lives[life].events.push(accepted);
        Ok(Outcome::Accepted)
    }

    fn spend(
        &mut self,
        event: &SpendEvent,
        accepted: AcceptedSpend,
        recorded_ms: i64,
    ) -> Result<Outcome, Reason> {
        if self.version(event).is_some() {
            return Err(Reason::EventIdConflict);
        }
        let key = Key::Spend(event.event_id.clone());
        // 3.8, which the projector reads to bound the versions of a spend event as well.
        let versions = self.live.get(&key).map_or(0, |life| self.lives[*life].spend.len());
        if versions as u64 >= u64::from(accepted.settings.charge_history_max) {
            return Err(Reason::ChargeHistoryFull);
        }
        let life = self.life(key, recorded_ms);
        self.lives[life].spend.push(accepted);
        Ok(Outcome::AcceptedSpend)
    }

    /// The life that an event with this key joins, its last recorded time noted.
    fn life(&mut self, key: Key, recorded_ms: i64) -> usize {
        let number = match self.live.get(&key) {
            Some(number) => *number,
            None => {
                let fresh = Life {
                    key: key.clone(),
                    events: Vec::new(),
                    spend: Vec::new(),
                    dropped_ms: None,
                    last_recorded_ms: recorded_ms,
                };
                self.lives.push(fresh);
                let number = self.lives.len() - 1;
                self.live.insert(key, number);
                number
            }
        };
        let life = &mut self.lives[number];
        self.ages.remove(&(life.last_recorded_ms, number));
        life.last_recorded_ms = life.last_recorded_ms.max(recorded_ms);
        self.ages.insert((life.last_recorded_ms, number));
        number
    }
}

/// 5.2: the fields that contracts.md lists; that a card number was masked is in none of them.
fn same_content(first: &ChargeEvent, again: &ChargeEvent) -> bool {
    let again = ChargeEvent { card_number_masked: first.card_number_masked, ..again.clone() };
    *first == again
}
