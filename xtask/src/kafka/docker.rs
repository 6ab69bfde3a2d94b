//! A single broker in a container, where a Docker engine answers. The container is kept when it is stopped, and with it
//! the data. Neither CI nor any test of this repository exercises this: they run the local way.

use std::fs::write;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::cluster::Cluster;
use super::config::{Place, settings};
use super::jars;
use super::process::Signal;
use crate::command::run;

const START_LIMIT: Duration = Duration::from_secs(120);
const PERIOD: Duration = Duration::from_millis(500);
/// Within the container it has to listen at all addresses to be reached; it is published at this machine's own only.
const PLACE: Place = Place { host: "", data: "/var/lib/kafka/data" };

/// Whether there is an engine.
pub fn answers() -> bool {
    docker().arg("info").output().is_ok_and(|output| output.status.success())
}

/// Starts the container and waits until the broker answers a tool: its port is open long before it does.
pub fn start(cluster: &Cluster) -> Result<()> {
    let name = name(cluster);
    ensure!(answers(), "no Docker engine answers; --engine local does without");
    match is_running(cluster) {
        Some(true) => println!("container {name}: already running"),
        Some(false) => run(docker().args(["start", &name]))?,
        None => create(cluster)?,
    }
    cluster.store()?;
    let begun = Instant::now();
    while !tool(cluster, "topics").arg("--list").output()?.status.success() {
        ensure!(is_running(cluster) == Some(true), "it has ended; `docker logs {name}` says why");
        ensure!(begun.elapsed() < START_LIMIT, "it does not answer; `docker logs {name}` may say why");
        thread::sleep(PERIOD);
    }
    println!("container {name}: `docker logs {name}` shows its log");
    Ok(())
}

fn create(cluster: &Cluster) -> Result<()> {
    let mut variables = format!("KAFKA_HEAP_OPTS=-Xms{0} -Xmx{0}\n", cluster.heap);
    for node in cluster.nodes(None)? {
        for (setting, value) in settings(cluster, &node, &PLACE) {
            let name = setting.to_uppercase().replace('.', "_");
            variables.push_str(&format!("KAFKA_{name}={value}\n"));
        }
    }
    let file = cluster.folder.join("container.env");
    write(&file, variables).with_context(|| format!("failed to write {}", file.display()))?;
    let publish = format!("127.0.0.1:{0}:{0}", cluster.port);
    let mut create = docker();
    create.args(["run", "--detach", "--name", &name(cluster), "--publish", &publish, "--env-file"]).arg(file);
    run(create.arg(format!("apache/kafka:{}", jars::version()?)))
}

/// Stops the container and says so.
pub fn stop(cluster: &Cluster, signal: Signal) -> Result<()> {
    let name = name(cluster);
    if is_running(cluster) != Some(true) {
        println!("container {name}: not running");
        return Ok(());
    }
    match signal {
        Signal::Term => run(docker().args(["stop", "-t", "30", &name])),
        Signal::Kill => run(docker().args(["kill", &name])),
    }
}

/// Prints the container; whether it runs.
pub fn status(cluster: &Cluster) -> bool {
    let (name, runs) = (name(cluster), is_running(cluster) == Some(true));
    println!("container {name}: {}, {}", if runs { "running" } else { "not running" }, cluster.bootstrap());
    runs
}

/// Removes the container with its data.
pub fn clear(cluster: &Cluster) -> Result<()> {
    match is_running(cluster) {
        Some(_) => run(docker().args(["rm", "--force", "--volumes", &name(cluster)])),
        None => Ok(()),
    }
}

/// One of Kafka's tools, in the container.
pub fn tool(cluster: &Cluster, script: &str) -> Command {
    let mut tool = docker();
    // Else it would have as much as the broker.
    tool.args(["exec", "--interactive", "--env", "KAFKA_HEAP_OPTS=-Xmx256m"]);
    tool.args([&name(cluster), &format!("/opt/kafka/bin/kafka-{script}.sh")]);
    tool.args(["--bootstrap-server", &cluster.bootstrap()]);
    tool
}

/// Whether the container runs, if there is one.
pub fn is_running(cluster: &Cluster) -> Option<bool> {
    let state =
        docker().args(["container", "inspect", "--format", "{{.State.Running}}", &name(cluster)]).output();
    let state = state.ok().filter(|output| output.status.success())?;
    Some(state.stdout.trim_ascii() == b"true")
}

fn name(cluster: &Cluster) -> String {
    format!("daybook-kafka-{}", cluster.port)
}

fn docker() -> Command {
    Command::new("docker")
}
