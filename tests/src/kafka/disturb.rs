//! Checks of a deployment that is disturbed while payment backends produce: kills, crashes of the broker, instances that
//! are stopped until others have their partitions.

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use daybook_workload::Record;

use super::broker::Broker;
use super::deployment::{Deployment, JOURNAL_PARTITIONS};
use super::feed::{Feed, model, workload};
use super::{collect, records};
use crate::binary::Binary;
use crate::instance::Instance;
use crate::random::Random;
use crate::{totals, wait};

/// Rebalances wait for a dead member's session (10 s).
const LIMIT: Duration = Duration::from_secs(90);

/// Records that are fed between two disturbances.
const PORTION: usize = 3_000;

/// Checks what a deployment has published: byte for byte what its journal says, and to the cent what the model says.
///
/// # Errors
/// It is not.
pub fn check_books(deployment: &Deployment, records: &[Record], folder: &Path) -> Result<()> {
    deployment.settle()?;
    deployment.verify()?;
    let (expected, events) = model(records);
    let books = collect(deployment, events, &folder.join("books"))?;
    totals::compare(&books, &expected)
}

/// Feeds a deployment of one instance and checks its books; the deployment and what it was fed.
///
/// # Errors
/// Something is lost, doubled or wrong.
pub fn calm(
    broker: &Broker,
    binary: &Binary,
    folder: &Path,
    count: u64,
    charges_partitions: i32,
) -> Result<(Deployment, Vec<Record>)> {
    let deployment = Deployment::with_charges(broker, binary, folder, "calm", charges_partitions)?;
    let all = workload(1, count)?;
    Feed::new(&deployment)?.send(&all)?;
    let instance = deployment.start("a")?;
    check_books(&deployment, &all, folder)?;
    instance.stop()?;
    Ok((deployment, all))
}

/// Two instances under load, one of them killed and started again at each of `kills` random moments; a third that joins
/// and leaves; a crash of the broker where one is asked for.
///
/// # Errors
/// Something is lost, doubled or wrong.
pub fn kills(
    broker: &Broker,
    binary: &Binary,
    folder: &Path,
    kills: u64,
    crash: bool,
    seed: u64,
) -> Result<()> {
    let deployment = Deployment::new(broker, binary, folder, "kills")?;
    let mut random = Random::new(seed);
    let portions = usize::try_from(kills)? + 2;
    let all = workload(seed, u64::try_from(PORTION * portions)?)?;
    let feed = Feed::new(&deployment)?;
    let mut portions = all.chunks(PORTION);
    let mut next = || portions.next().context("no records left");
    let names = ["a", "b"];
    let mut running: Vec<Instance> =
        names.iter().map(|name| deployment.start(name)).collect::<Result<_>>()?;
    feed.send(next()?)?;
    deployment.settle()?;
    let mut third = None;
    for kill in 0..kills {
        let portion = next()?;
        let before = deployment.published()?;
        let outcome = thread::scope(|scope| -> Result<()> {
            let fed = scope.spawn(|| feed.send(portion));
            // Somewhere within the portion, and anywhere within a commit.
            deployment.wait_published(before + i64::try_from(1 + random.below(PORTION as u64 / 2))?)?;
            thread::sleep(Duration::from_micros(random.below(30_000)));
            let which = usize::try_from(random.below(2))?;
            let killed = running.remove(which);
            killed.kill().with_context(|| format!("at kill {kill}"))?;
            if crash && kill == kills / 2 {
                broker.crash()?;
            }
            running.insert(which, deployment.start(names[which])?);
            fed.join().map_err(|_| anyhow::anyhow!("the feed has panicked"))?
        });
        outcome?;
        if kill == kills / 3 {
            third = Some(deployment.start("c")?);
        }
        if kill == 2 * kills / 3
            && let Some(third) = third.take()
        {
            third.stop()?;
        }
    }
    feed.send(next()?)?;
    check_books(&deployment, &all, folder)?;
    running.into_iter().try_for_each(Instance::stop)
}

/// An instance is stopped (SIGSTOP) under load until another has its partitions and has gone on, then continued: what it
/// had at hand must come to nothing.
///
/// # Errors
/// Something is lost, doubled or wrong.
pub fn zombies(broker: &Broker, binary: &Binary, folder: &Path, rounds: usize) -> Result<()> {
    let deployment = Deployment::new(broker, binary, folder, "zombies")?;
    let all = workload(11, u64::try_from(PORTION * 2 * rounds + 1_000)?)?;
    let feed = Feed::new(&deployment)?;
    let (first, rest) = all.split_at(1_000);
    let running = [deployment.start("a")?, deployment.start("b")?];
    feed.send(first)?;
    deployment.settle()?;
    for (round, portion) in rest.chunks(2 * PORTION).enumerate() {
        let (stopped, other) = (&running[round % 2], &running[(round + 1) % 2]);
        stop_and_continue(&deployment, &feed, portion, stopped, other).with_context(|| {
            format!("the one that was stopped said\n{}\nand the other\n{}", stopped.said(), other.said())
        })?;
    }
    check_books(&deployment, &all, folder)?;
    running.into_iter().try_for_each(Instance::stop)
}

/// An instance of a breakable binary stops with a batch at hand, right before its commit, and is continued when another
/// has published that batch: its own commit must come to nothing.
///
/// # Errors
/// Something is lost, doubled or wrong.
pub fn zombie_with_a_batch_at_hand(broker: &Broker, binary: &Binary, folder: &Path) -> Result<()> {
    let stop = folder.join("stop");
    let deployment = Deployment::new(broker, &binary.stopped_by(&stop), folder, "zombie")?;
    let all = workload(12, u64::try_from(2 * PORTION)?)?;
    let feed = Feed::new(&deployment)?;
    let (first, rest) = all.split_at(PORTION);
    let mut running = vec![deployment.start("a")?, deployment.start("b")?];
    feed.send(first)?;
    deployment.settle()?;
    std::fs::write(&stop, "")?;
    feed.send(rest)?;
    let stopped = wait::until("an instance to stop itself", LIMIT, || {
        let mut states = running.iter().map(is_stopped).collect::<Result<Vec<_>>>()?.into_iter();
        Ok(states.position(|stopped| stopped))
    })?;
    let stopped = running.remove(stopped);
    let all_of_them = u64::try_from(JOURNAL_PARTITIONS)?;
    wait::until("the other instance to have all partitions", LIMIT, || {
        Ok((running[0].metric("daybook_journal_partitions")? == all_of_them).then_some(()))
    })?;
    deployment.settle()?;
    signal(&stopped, "CONT")?;
    // It joins again once it has seen what became of its batch.
    wait::until("the continued instance to have some again", LIMIT, || {
        Ok((running[0].metric("daybook_journal_partitions")? < all_of_them).then_some(()))
    })?;
    // At once: whatever becomes of the instances, entries that were published twice stay.
    deployment.verify()?;
    check_books(&deployment, &all, folder)?;
    running.into_iter().chain([stopped]).try_for_each(Instance::stop)
}

/// Whether a process is stopped by a signal.
fn is_stopped(instance: &Instance) -> Result<bool> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", instance.id()))?;
    // The state stands behind the command's name in parentheses.
    Ok(stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('T')))
}

fn stop_and_continue(
    deployment: &Deployment,
    feed: &Feed,
    portion: &[Record],
    stopped: &Instance,
    other: &Instance,
) -> Result<()> {
    let (before, after) = portion.split_at(portion.len() / 2);
    let published = deployment.published()?;
    thread::scope(|scope| -> Result<()> {
        let fed = scope.spawn(|| feed.send(before));
        deployment.wait_published(published + 200)?;
        signal(stopped, "STOP")?;
        fed.join().map_err(|_| anyhow::anyhow!("the feed has panicked"))?
    })?;
    let partitions = || other.metric("daybook_journal_partitions");
    let all = u64::try_from(JOURNAL_PARTITIONS)?;
    wait::until("the other instance to have all partitions", LIMIT, || {
        Ok((partitions()? == all).then_some(()))
    })?;
    deployment.settle()?;
    signal(stopped, "CONT")?;
    feed.send(after)?;
    wait::until("the continued instance to have some again", LIMIT, || {
        Ok((partitions()? < all).then_some(()))
    })?;
    deployment.settle()
}

fn signal(instance: &Instance, name: &str) -> Result<()> {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", instance.id())]).status()?;
    ensure!(sent.success(), "failed to send {name}");
    Ok(())
}

/// One instance whose commits are told as unknown again and again (which only a breakable binary does).
///
/// # Errors
/// Something is lost, doubled or wrong.
pub fn unknown_commits(broker: &Broker, binary: &Binary, folder: &Path) -> Result<()> {
    let deployment = Deployment::new(broker, binary, folder, "unknown")?;
    let all = workload(5, 20_000)?;
    let feed = Feed::new(&deployment)?;
    let instance = deployment.start("a")?;
    // In portions, so that there are many commits.
    for portion in all.chunks(500) {
        let published = deployment.published()?;
        feed.send(portion)?;
        deployment.wait_published(published + 1)?;
    }
    check_books(&deployment, &all, folder)?;
    ensure!(
        instance.labelled("daybook_stage_restarts_total", "projector")? > 0,
        "no commit was told as unknown"
    );
    instance.stop()
}

/// Intake reads what it has journalled already: its group's offsets are moved back by hand. The projector has to drop
/// what it has seen, refused events among it.
///
/// # Errors
/// Something is doubled or wrong.
pub fn journalled_twice(broker: &Broker, binary: &Binary, folder: &Path) -> Result<()> {
    let deployment = Deployment::new(broker, binary, folder, "twice")?;
    let all = workload(6, 5_000)?;
    Feed::new(&deployment)?.send(&all)?;
    let instance = deployment.start("a")?;
    deployment.settle()?;
    instance.stop()?;
    deployment.rewind_intake()?;
    let instance = deployment.start("a")?;
    check_books(&deployment, &all, folder)?;
    let journalled = records(&deployment, "journal").map(|records| records.len());
    ensure!(
        instance.metric("daybook_already_seen_total")? > 0,
        "nothing was journalled twice: {journalled:?}"
    );
    instance.stop()
}
