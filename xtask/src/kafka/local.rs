//! Brokers as processes of this machine.

use std::collections::HashMap;
use std::fs::remove_dir_all;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::cluster::Cluster;
use super::jvm::Jvm;
use super::node::{Node, formatted};
use super::process::{self, Signal};
use crate::command::read;

/// One alone takes three seconds, but many may start at once, and after a crash a log may have to be read again.
const START_LIMIT: Duration = Duration::from_secs(120);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const PERIOD: Duration = Duration::from_millis(50);
/// How much of the log is shown of a broker that does not start.
const SHOWN_LINES: usize = 20;

/// Starts those of the nodes that do not run, with the settings of a file besides, and waits until all that run accept connections.
///
/// # Errors
/// A port is taken, or a node ends or takes too long. What was started is ended then.
pub fn start(cluster: &Cluster, nodes: &[Node], properties: Option<&Path>) -> Result<()> {
    let begun = Instant::now();
    let idle: Vec<&Node> = nodes.iter().filter(|node| node.pid().is_none()).collect();
    if !idle.is_empty() {
        let jvm = Jvm::provide()?;
        idle.iter().try_for_each(|node| node.claim())?;
        cluster.store()?;
        idle.iter().try_for_each(|node| node.configure(cluster, properties))?;
        format(cluster, &idle, &jvm)?;
        let outcome = launch(cluster, &idle, &jvm);
        if outcome.is_err() {
            end(&idle, Signal::Kill)?;
        }
        outcome?;
    } else {
        wait(cluster, &HashMap::new())?;
    }
    for node in nodes {
        let how =
            if idle.iter().any(|idle| idle.number == node.number) { "started" } else { "already running" };
        let pid = node.pid().with_context(|| format!("{node} has ended"))?;
        println!("{node}: {how}, pid {pid}, 127.0.0.1:{}, log {}", node.port, node.log().display());
    }
    println!("took {} ms", begun.elapsed().as_millis());
    Ok(())
}

/// Makes data folders where there are none.
fn format(cluster: &Cluster, idle: &[&Node], jvm: &Jvm) -> Result<()> {
    let new: Vec<&&Node> = idle.iter().filter(|node| node.cluster_id().is_none()).collect();
    if new.is_empty() {
        return Ok(());
    }
    let cluster_id = match cluster.nodes(None)?.iter().find_map(Node::cluster_id) {
        Some(id) => id,
        None => read(jvm.tool("kafka.tools.StorageTool").arg("random-uuid"))?.trim().to_owned(),
    };
    let formats = new.iter().map(|node| node.format(jvm, &cluster_id)).collect::<Result<Vec<_>>>()?;
    // All are waited for before the first that failed is reported.
    formats.into_iter().map(formatted).collect::<Vec<_>>().into_iter().collect()
}

fn launch(cluster: &Cluster, idle: &[&Node], jvm: &Jvm) -> Result<()> {
    let mut begins = HashMap::new();
    for node in idle {
        begins.insert(node.number, node.launch(jvm, &cluster.heap)?);
    }
    wait(cluster, &begins)
}

/// Waits until all that run accept connections, which a broker does once its cluster has taken it in. `begins` says
/// where the logs begin of those that have just been started.
fn wait(cluster: &Cluster, begins: &HashMap<u16, u64>) -> Result<()> {
    let begun = Instant::now();
    let nodes = cluster.nodes(None)?;
    let (running, rest): (Vec<Node>, Vec<Node>) = nodes.into_iter().partition(|node| node.pid().is_some());
    if let Some(node) = rest.iter().find(|node| begins.contains_key(&node.number)) {
        bail!("{}", failure(node, "ended", begins));
    }
    if running.len() < cluster.majority() {
        println!("not waiting: no node answers before {} of {} run", cluster.majority(), cluster.brokers);
        return Ok(());
    }
    loop {
        let mut silent = None;
        for node in &running {
            let Some(pid) = node.pid() else { bail!("{}", failure(node, "ended", begins)) };
            if !process::listens(pid, node.port) {
                silent = Some(node);
            }
        }
        let Some(node) = silent else { return Ok(()) };
        ensure!(begun.elapsed() < START_LIMIT, "{}", failure(node, "does not answer", begins));
        thread::sleep(PERIOD);
    }
}

fn failure(node: &Node, what: &str, begins: &HashMap<u16, u64>) -> String {
    let begin = begins.get(&node.number).copied().unwrap_or(0);
    let lines = node.last_lines(begin, SHOWN_LINES).unwrap_or_default();
    format!("{node} {what}; the end of its log, {}:\n{lines}", node.log().display())
}

/// Ends those of the nodes that run, and says how.
pub fn stop(nodes: &[Node], signal: Signal) -> Result<()> {
    for node in nodes.iter().filter(|node| node.pid().is_none()) {
        println!("{node}: not running");
    }
    end(&nodes.iter().collect::<Vec<_>>(), signal)
}

fn end(nodes: &[&Node], signal: Signal) -> Result<()> {
    let begun = Instant::now();
    let mut rest: Vec<(&Node, u32)> = nodes.iter().filter_map(|node| Some((*node, node.pid()?))).collect();
    for (_, pid) in &rest {
        process::signal(*pid, signal)?;
    }
    let mut how = match signal {
        Signal::Term => "stopped",
        Signal::Kill => "killed",
    };
    let mut limit = STOP_LIMIT;
    while !rest.is_empty() {
        rest.retain(|(node, pid)| {
            let runs = node.pid().is_some();
            if !runs {
                println!("{node}: {how}, pid {pid}, took {} ms", begun.elapsed().as_millis());
                node.forget();
            }
            runs
        });
        if begun.elapsed() > limit {
            ensure!(limit == STOP_LIMIT, "processes that were killed do not end");
            how = "killed, as it did not stop when asked";
            limit += STOP_LIMIT;
            for (_, pid) in &rest {
                process::signal(*pid, Signal::Kill)?;
            }
        }
        thread::sleep(PERIOD);
    }
    Ok(())
}

/// Prints each node; whether all run.
pub fn status(nodes: &[Node]) -> bool {
    for node in nodes {
        match node.pid() {
            Some(pid) => {
                let memory = process::memory(pid).unwrap_or(0);
                println!("{node}: running, pid {pid}, 127.0.0.1:{}, {memory} MiB", node.port);
            }
            None => println!("{node}: not running, 127.0.0.1:{}", node.port),
        }
    }
    nodes.iter().all(|node| node.pid().is_some())
}

/// Ends the nodes and removes all that they have.
pub fn clear(nodes: &[Node]) -> Result<()> {
    end(&nodes.iter().collect::<Vec<_>>(), Signal::Kill)?;
    for folder in nodes.iter().map(|node| &node.folder).filter(|folder| folder.exists()) {
        remove_dir_all(folder).with_context(|| format!("failed to remove {}", folder.display()))?;
    }
    Ok(())
}
