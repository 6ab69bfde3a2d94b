//! Journals at random, from a seed: few users, charges and transactions, so that events meet; late, reordered, twice,
//! in conflict and beyond the horizon; settings that change under way.
//!
//! A journal is a function of its seed and length, on any machine.

mod event;
mod settings;

use std::collections::BTreeMap;

use daybook_core::event::{Body, JournalRecord, SourcePosition};
use daybook_core::name::Name;
use fastrand::Rng;

const SECOND_MS: i64 = 1_000;
const HOUR_MS: i64 = 3_600 * SECOND_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

/// Where journals begin, Unix seconds: days on which calendars do something.
const BEGINNINGS_S: [i64; 10] = [
    1_710_000_000, // 2024-03-09, before the change in New York
    1_730_500_000, // 2024-11-01, before the change back
    1_743_200_000, // 2025-03-28, before that of Berlin
    1_729_900_000, // 2024-10-25
    1_709_100_000, // 2024-02-28 of a leap year
    1_735_600_000, // 2024-12-30
    1_325_000_000, // 2011-12-27, before Apia left out a day
    1_696_000_000, // 2023-09-29, before Lord Howe's half hour
    -86_400,       // 1969-12-31
    4_107_500_000, // 2100-02-27, of no leap year
];

/// A journal of so many records of one or several projects.
#[must_use]
pub fn journal(seed: u64, length: usize) -> Vec<JournalRecord> {
    let mut writer = Writer::new(seed);
    while writer.records.len() < length {
        writer.append();
    }
    writer.records.truncate(length);
    writer.records
}

/// How a journal is, drawn once: what events refer to, and how fast time passes.
pub(crate) struct World {
    pub(crate) users: u32,
    pub(crate) references: u32,
    pub(crate) transactions: u32,
    pub(crate) horizon_ms: i64,
    pub(crate) pace_ms: i64,
    pub(crate) history_max: u32,
    pub(crate) amounts: event::Amounts,
    pub(crate) currencies: usize,
    /// Few things are wrong with events, and they meet in few charges.
    pub(crate) focused: bool,
}

struct Writer {
    rng: Rng,
    world: World,
    projects: Vec<Name>,
    clock_ms: i64,
    offsets: [(u64, u32); 3],
    records: Vec<JournalRecord>,
    past: BTreeMap<Name, event::Past>,
}

impl Writer {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let horizon_ms =
            one_of(&mut rng, &[400 * DAY_MS, 400 * DAY_MS, 30 * DAY_MS, 3 * DAY_MS, 6 * HOUR_MS]);
        let focused = rng.bool();
        let scale = if focused { 1 } else { one_of(&mut rng, &[1, 4, 20]) };
        let world = World {
            users: rng.u32(1..=3 * scale),
            references: rng.u32(1..=4 * scale),
            transactions: rng.u32(1..=4 * scale),
            horizon_ms,
            pace_ms: one_of(&mut rng, &[100, SECOND_MS, 10 * 60 * SECOND_MS, 3 * HOUR_MS, DAY_MS]),
            history_max: if focused { 1_000 } else { one_of(&mut rng, &[1_000, 1_000, 40, 2, 6]) },
            amounts: one_of(&mut rng, &event::Amounts::ALL),
            currencies: if focused { 1 } else { rng.usize(1..=3) },
            focused,
        };
        let names = ["acme", "shop", "acme~test"];
        let projects = if focused { 1 } else { rng.usize(1..=3) };
        let projects = (0..projects).map(|i| Name::from(names[i])).collect();
        let beginning = one_of(&mut rng, &BEGINNINGS_S) * SECOND_MS;
        let clock_ms = beginning + rng.i64(0..2 * DAY_MS);
        Self {
            rng,
            world,
            projects,
            clock_ms,
            offsets: [(0, 0); 3],
            records: Vec::new(),
            past: BTreeMap::new(),
        }
    }

    fn append(&mut self) {
        if self.records.is_empty() || self.rng.u32(..100) < 85 {
            let long = if self.rng.u32(..40) == 0 { 20 } else { 1 };
            self.clock_ms += self.rng.i64(0..=2 * self.world.pace_ms) * long;
        }
        let i = self.rng.usize(..self.projects.len());
        let project = self.projects[i].clone();
        // Intake's clock may go back a little where another takes over.
        let back = if self.rng.u32(..25) == 0 { self.rng.i64(0..=2 * self.world.pace_ms) } else { 0 };
        let recorded_at_ms = self.clock_ms - back;
        if self.rng.u32(..30) == 0 && !self.records.is_empty() {
            return self.append_again(recorded_at_ms);
        }
        let first = !self.past.contains_key(&project);
        let past = self.past.entry(project.clone()).or_default();
        let body = match self.rng.u32(..100) {
            0..=1 => past.settings(&mut self.rng, &self.world),
            _ if first && (self.world.focused || self.rng.u32(..8) > 0) => {
                past.settings(&mut self.rng, &self.world)
            }
            2..=5 => Body::Tick,
            6..=14 if !project.ends_with("~test") => {
                Body::Spend(Box::new(past.spend(&mut self.rng, &self.world, self.clock_ms)))
            }
            _ => Body::Charge(Box::new(past.charge(&mut self.rng, &self.world, self.clock_ms, &project))),
        };
        let tick = body == Body::Tick;
        let source_timestamp_ms = match self.rng.u32(..100) {
            _ if tick => None,
            0..=2 => None,
            3..=5 => Some(self.clock_ms - self.rng.i64(0..=self.world.horizon_ms + HOUR_MS)),
            6 => Some(self.clock_ms - self.world.horizon_ms - self.rng.i64(-1..=1)),
            _ => Some(self.clock_ms - self.rng.i64(0..=self.world.pace_ms)),
        };
        let source = (!tick).then(|| self.next_position());
        self.records.push(JournalRecord { project, recorded_at_ms, source_timestamp_ms, source, body });
    }

    fn next_position(&mut self) -> SourcePosition {
        let partition = self.rng.usize(..self.offsets.len());
        let (offset, item) = &mut self.offsets[partition];
        if self.rng.u32(..5) == 0 {
            *item += 1;
        } else {
            (*offset, *item) = (*offset + 1, 0);
        }
        let (offset, item) = (*offset, *item);
        SourcePosition {
            topic: "charges".into(),
            partition: u32::try_from(partition).unwrap_or(0),
            offset,
            item,
        }
    }

    /// Intake has appended some of the last records twice.
    fn append_again(&mut self, recorded_at_ms: i64) {
        let from = self.records.len().saturating_sub(self.rng.usize(1..20));
        let to = self.records.len().min(from + self.rng.usize(1..4));
        for i in from..to {
            self.records.push(JournalRecord { recorded_at_ms, ..self.records[i].clone() });
        }
    }
}

pub(crate) fn one_of<T: Clone>(rng: &mut Rng, choice: &[T]) -> T {
    choice[rng.usize(..choice.len())].clone()
}
