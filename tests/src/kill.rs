//! Kills an instance again and again while backends post to it, and looks for what was lost or doubled.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use daybook_workload::{Options, Workload};
use serde_json::Value;

use crate::binary::Binary;
use crate::instance::{Instance, OPERATOR_KEY, Record, agent, track, write_config};
use crate::random::Random;
use crate::traffic::{Identity, accepted_items};
use crate::wait;

/// Backends that post at the same time.
const CLIENTS: u64 = 8;
/// Bodies that are acknowledged between two kills.
const ACKNOWLEDGED: std::ops::Range<u64> = 20..300;
/// A kill comes up to this long after the last of them: anywhere within a commit.
const WITHIN_US: u64 = 20_000;
/// Bodies that are acknowledged after the last kill.
const ACKNOWLEDGED_LAST: u64 = 500;
const LIMIT: Duration = Duration::from_secs(60);
const DAY_MS: i64 = 86_400_000;

/// What the test has done, for whoever reads its output.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// Bodies that were acknowledged.
    pub bodies: u64,
    /// Events in them that were accepted.
    pub events: u64,
    /// Requests whose outcome a kill has left open.
    pub open: u64,
    /// Entries in the end.
    pub entries: u64,
}

/// Kills an instance `kills` times under load, ends it properly, and checks its books.
///
/// # Errors
/// Something acknowledged is lost, anything is doubled, or the books don't verify.
pub fn check(binary: &Binary, folder: &Path, kills: u64, seed: u64) -> Result<Report> {
    let config = write_config(folder, "127.0.0.1:0")?;
    let clients = Clients::new(seed)?;
    let mut random = Random::new(seed);
    let posted = thread::scope(|scope| {
        let running: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let clients = &clients;
                scope.spawn(move || clients.post(Random::new(seed ^ (number + 1))))
            })
            .collect();
        // Asked to stop in the middle of it all: what it still acknowledges counts like everything else.
        let stopped = disturb(binary, &config, &clients, kills, &mut random).and_then(Instance::stop);
        clients.finish();
        for client in running {
            client.join().map_err(|_| anyhow::anyhow!("a client has panicked"))??;
        }
        stopped
    });
    posted?;

    let log = folder.join("log");
    let verified = binary.run([Path::new("verify"), &log])?;
    verified.with(0).context("the books don't verify after the kills")?;
    let again = Instance::run(binary, &config)?;
    let counted = count(&again.records("ledger.entries")?)?;
    let refused = refused_later(&again.records("charges.dlq")?)?;
    let over_http = binary.run(["verify", "--url", &again.base, "--api-key", OPERATOR_KEY])?;
    over_http.with(0).context("the books don't verify over HTTP")?;
    again.stop()?;
    clients.compare(&counted, &refused)
}

/// Starts and kills; gives back the instance that is left in the end, which has taken something after the last kill.
fn disturb(
    binary: &Binary,
    config: &Path,
    clients: &Clients,
    kills: u64,
    random: &mut Random,
) -> Result<Instance> {
    for kill in 1..=kills {
        let instance = Instance::run(binary, config).with_context(|| format!("before kill {kill}"))?;
        clients.point_at(&instance.base);
        let span = ACKNOWLEDGED.end - ACKNOWLEDGED.start;
        clients.wait_for(ACKNOWLEDGED.start + random.below(span))?;
        thread::sleep(Duration::from_micros(random.below(WITHIN_US)));
        instance.kill().with_context(|| format!("at kill {kill}"))?;
    }
    let instance = Instance::run(binary, config).context("after the last kill")?;
    clients.point_at(&instance.base);
    clients.wait_for(ACKNOWLEDGED_LAST)?;
    Ok(instance)
}

/// Backends that remember what was acknowledged.
struct Clients {
    workload: Workload,
    next: AtomicU64,
    done: AtomicBool,
    open: AtomicU64,
    acknowledged: Mutex<Acknowledged>,
    target: Mutex<Target>,
    moved: Condvar,
}

#[derive(Default)]
struct Acknowledged {
    bodies: u64,
    events: Vec<Identity>,
}

/// Where the instance listens now; each start is a generation.
#[derive(Clone, Default)]
struct Target {
    base: String,
    generation: u64,
}

impl Clients {
    fn new(seed: u64) -> Result<Self> {
        // In the past, but within the horizon: events happen up to a day after their records.
        let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
        let options = Options { seed, start_ms: now_ms - 3 * DAY_MS, users: 500, ..Options::default() };
        Ok(Self {
            workload: Workload::new(options),
            next: AtomicU64::new(0),
            done: AtomicBool::new(false),
            open: AtomicU64::new(0),
            acknowledged: Mutex::default(),
            target: Mutex::default(),
            moved: Condvar::new(),
        })
    }

    fn acknowledged(&self) -> MutexGuard<'_, Acknowledged> {
        self.acknowledged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn point_at(&self, base: &str) {
        let mut target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        base.clone_into(&mut target.base);
        target.generation += 1;
        self.moved.notify_all();
    }

    fn finish(&self) {
        // Under the lock that is waited with, so that nobody waits on.
        let _target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        self.done.store(true, Ordering::SeqCst);
        self.moved.notify_all();
    }

    /// Waits until so many more bodies are acknowledged.
    fn wait_for(&self, more: u64) -> Result<()> {
        let enough = self.acknowledged().bodies + more;
        wait::until("bodies to be acknowledged", LIMIT, || {
            Ok((self.acknowledged().bodies >= enough).then_some(()))
        })
    }

    /// A target of a later generation; `None` once it is all over.
    fn target_after(&self, generation: u64) -> Result<Option<Target>> {
        let target = self.target.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = |target: &mut Target| target.generation <= generation && !self.done.load(Ordering::SeqCst);
        let waited = self.moved.wait_timeout_while(target, LIMIT, wait);
        let (target, timed_out) = waited.unwrap_or_else(PoisonError::into_inner);
        ensure!(!timed_out.timed_out(), "no instance to post to for {} s", LIMIT.as_secs());
        Ok((target.generation > generation).then(|| target.clone()))
    }

    /// Posts one record after the other until it is all over.
    fn post(&self, mut random: Random) -> Result<()> {
        let agent = agent();
        let mut generation = 0;
        let Some(mut target) = self.target_after(generation)? else { return Ok(()) };
        while !self.done.load(Ordering::SeqCst) {
            let record = self.workload.record(self.next.fetch_add(1, Ordering::SeqCst));
            loop {
                generation = target.generation;
                let answer = track(&agent, &target.base, OPERATOR_KEY, &record.project, &record.value);
                match answer {
                    Ok(answer) if answer.status == 202 => {
                        let items = accepted_items(&record.project, &record.value, &answer.json()?)?;
                        let mut acknowledged = self.acknowledged();
                        acknowledged.bodies += 1;
                        acknowledged.events.extend(items);
                        break;
                    }
                    // Refused for good: it is among the dead letters.
                    Ok(answer) if [400, 413, 422].contains(&answer.status) => break,
                    Ok(answer) if answer.status != 503 => {
                        bail!("answered {}: {}", answer.status, answer.body)
                    }
                    Ok(_) | Err(_) => {
                        self.open.fetch_add(1, Ordering::SeqCst);
                        match self.target_after(generation)? {
                            Some(next) => target = next,
                            None => return Ok(()),
                        }
                        // Some backends send it again, others have forgotten it.
                        if random.below(2) == 0 {
                            break;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn compare(&self, counted: &BTreeMap<Identity, u64>, refused: &[(String, String)]) -> Result<Report> {
        let acknowledged = self.acknowledged();
        ensure!(self.open.load(Ordering::SeqCst) > 0, "no kill has hit a request");
        for (identity, count) in counted {
            ensure!(*count == 1, "{identity:?} has {count} primary entries");
        }
        for identity in &acknowledged.events {
            let (books, id, _) = identity;
            // What only the projector can refuse is acknowledged, and a dead letter.
            let lost = !counted.contains_key(identity)
                && !refused.iter().any(|(project, event)| project == books && event == id);
            ensure!(!lost, "{identity:?} was acknowledged, but is not in the books");
        }
        Ok(Report {
            bodies: acknowledged.bodies,
            events: u64::try_from(acknowledged.events.len())?,
            open: self.open.load(Ordering::SeqCst),
            entries: counted.values().sum(),
        })
    }
}

/// How many primary entries each event has.
fn count(entries: &[Record]) -> Result<BTreeMap<Identity, u64>> {
    let mut counted = BTreeMap::new();
    for record in entries {
        let entry = record.json()?;
        if entry["kind"] == "adjustment" {
            continue;
        }
        let text = |name: &str| entry[name].as_str().map(str::to_owned).context("an entry lacks a field");
        let line = entry["event_line"].as_u64().context("an entry lacks its line")?;
        *counted.entry((text("project_id")?, text("event_id")?, line)).or_default() += 1;
    }
    Ok(counted)
}

/// Books and event id of what the projector has refused by itself, conflicts aside: of a conflict the first counts.
fn refused_later(letters: &[Record]) -> Result<Vec<(String, String)>> {
    let mut refused = Vec::new();
    for letter in letters.iter().filter(|letter| letter.header("daybook-canonical").is_some()) {
        if letter.header("daybook-reason") != Some("event_id_conflict") {
            let event: Value = letter.json()?;
            let id = event["eventId"].as_str().context("a canonical event has no id")?;
            refused.push((letter.key.clone(), id.to_owned()));
        }
    }
    Ok(refused)
}
