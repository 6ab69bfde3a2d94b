//! The dead letters of a topic, and which of them are meant.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, anyhow};
use daybook_wire::topic::Topic;

use super::arguments::Filter;
use super::letter::{Letter, Place, Source, Value};
use crate::log::Log;

/// The dead letters of a topic, in order by partition.
pub struct Letters {
    /// They, without their values.
    pub all: Vec<Letter>,
    topic: Topic,
    /// Where the letters of each record are in `all`.
    of_source: BTreeMap<Source, Vec<usize>>,
}

impl Filter {
    /// Whether a letter is one of those meant.
    pub fn takes(&self, letter: &Letter) -> bool {
        self.reason.is_none_or(|reason| letter.reason == Some(reason))
            && self.project.as_deref().is_none_or(|project| letter.project.as_deref() == Some(project))
    }
}

impl Letters {
    /// Reads them.
    pub fn read(log: &Log, topic: Topic) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        log.each(topic, &mut |partition, fetched| all.push(Letter::of(topic, partition, fetched)))?;
        all.sort_by_key(|letter| letter.place);
        let mut of_source: BTreeMap<Source, Vec<usize>> = BTreeMap::new();
        for (index, letter) in all.iter().enumerate() {
            if let Some(source) = &letter.source {
                of_source.entry(source.clone()).or_default().push(index);
            }
        }
        Ok(Self { all, topic, of_source })
    }

    /// Their topic.
    pub fn topic(&self) -> Topic {
        self.topic
    }

    /// The letter at a place.
    pub fn at(&self, place: Place) -> anyhow::Result<&Letter> {
        let found = self.all.binary_search_by_key(&place, |letter| letter.place).ok();
        found.and_then(|index| self.all.get(index)).with_context(|| {
            let held = self.all.len();
            anyhow!(
                "failed to find {place}: {} holds {held} dead letters, and it is none of them",
                self.topic.name()
            )
        })
    }

    /// Those that a filter takes. A record that was put back before and refused again counts by its later letters: to
    /// put it back once for each would double it every time.
    pub fn open(&self, filter: &Filter) -> Vec<&Letter> {
        let replayed = self.all.iter().filter_map(|letter| self.at(letter.replayed?).ok());
        let settled: BTreeSet<&Source> = replayed.filter_map(|letter| letter.source.as_ref()).collect();
        let is_settled = |letter: &Letter| letter.source.as_ref().is_some_and(|s| settled.contains(s));
        self.all.iter().filter(|letter| filter.takes(letter) && !is_settled(letter)).collect()
    }

    /// The letter whose value is the record of this one as received, where there is one.
    pub fn received(&self, letter: &Letter) -> Option<&Letter> {
        if letter.value == Value::Received {
            return self.at(letter.place).ok();
        }
        let others = self.of_source.get(letter.source.as_ref()?)?;
        others.iter().filter_map(|index| self.all.get(*index)).find(|other| other.value == Value::Received)
    }
}
