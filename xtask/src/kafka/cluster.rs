//! The cluster that a folder holds. Kept in a file, so that only `start` has to be told what it is.

use std::fs::{read_to_string, remove_file, write};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::node::Node;

/// What runs the brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A container.
    Docker,
    /// Java on this machine.
    Local,
}

impl Engine {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Docker => "docker",
            Engine::Local => "local",
        }
    }
}

/// Between a broker's port and its controller's.
const CONTROLLER: u16 = 1000;

/// A cluster.
#[derive(Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Where everything of it is.
    pub folder: PathBuf,
    /// What runs it.
    pub engine: Engine,
    /// How many nodes it has.
    pub brokers: u16,
    /// Port of the first one; the others follow.
    pub port: u16,
    /// Java's heap of each.
    pub heap: String,
}

impl Cluster {
    /// What a folder holds.
    pub fn load(folder: &Path) -> Result<Option<Self>> {
        let path = file(folder);
        let text = match read_to_string(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            text => text.with_context(|| format!("failed to read {}", path.display()))?,
        };
        Self::parse(folder, &text).map(Some).with_context(|| format!("{} holds no cluster", path.display()))
    }

    fn parse(folder: &Path, text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text)?;
        let number =
            |name: &str| value[name].as_u64().and_then(|n| u16::try_from(n).ok()).context("no number");
        let mut engines = [Engine::Docker, Engine::Local].into_iter();
        let engine = engines.find(|engine| value["engine"] == engine.name()).context("no engine")?;
        let (brokers, port) = (number("brokers")?, number("port")?);
        let heap = value["heap"].as_str().context("no heap")?.to_owned();
        Ok(Self { folder: folder.to_owned(), engine, brokers, port, heap })
    }

    /// Writes it down.
    pub fn store(&self) -> Result<()> {
        let (engine, heap) = (self.engine.name(), &self.heap);
        let value = json!({"engine": engine, "brokers": self.brokers, "port": self.port, "heap": heap});
        let path = file(&self.folder);
        write(&path, format!("{value:#}\n")).with_context(|| format!("failed to write {}", path.display()))
    }

    /// Forgets what the folder holds.
    pub fn forget(&self) -> Result<()> {
        let path = file(&self.folder);
        remove_file(&path).with_context(|| format!("failed to remove {}", path.display()))
    }

    /// Its nodes, or the one with a number.
    pub fn nodes(&self, number: Option<u16>) -> Result<Vec<Node>> {
        let highest = self.port.checked_add(CONTROLLER + self.brokers - 1);
        ensure!(self.port > 0 && highest.is_some(), "port {} is out of range", self.port);
        let first = number.unwrap_or(1);
        let last = number.unwrap_or(self.brokers);
        ensure!(
            first > 0 && last <= self.brokers,
            "there is no node {last}: the cluster has {}",
            self.brokers
        );
        Ok((first..=last).map(|number| self.node(number)).collect())
    }

    fn node(&self, number: u16) -> Node {
        let port = self.port + number - 1;
        let folder = self.folder.join(format!("node-{number}"));
        Node { number, port, controller_port: port + CONTROLLER, folder }
    }

    /// Its controllers, as each of its nodes has to know them.
    pub fn voters(&self) -> String {
        let nodes = (1..=self.brokers).map(|number| self.node(number));
        let voters = nodes.map(|node| format!("{}@127.0.0.1:{}", node.number, node.controller_port));
        voters.collect::<Vec<_>>().join(",")
    }

    /// Where clients find it.
    pub fn bootstrap(&self) -> String {
        let nodes = (1..=self.brokers).map(|number| self.node(number));
        nodes.map(|node| format!("127.0.0.1:{}", node.port)).collect::<Vec<_>>().join(",")
    }

    /// How many nodes have to run before any of them answers.
    pub fn majority(&self) -> usize {
        usize::from(self.brokers / 2 + 1)
    }
}

fn file(folder: &Path) -> PathBuf {
    folder.join("cluster.json")
}

#[cfg(test)]
mod tests {
    use super::{Cluster, Engine};

    #[test]
    fn kept_and_read() -> anyhow::Result<()> {
        let folder = tempfile::tempdir()?;
        let folder = folder.path();
        assert_eq!(Cluster::load(folder)?, None);
        for (engine, brokers) in [(Engine::Docker, 1), (Engine::Local, 3)] {
            let heap = "1g".to_owned();
            let cluster = Cluster { folder: folder.to_owned(), engine, brokers, port: 19092, heap };
            cluster.store()?;
            assert_eq!(Cluster::load(folder)?, Some(cluster));
        }
        Ok(())
    }

    #[test]
    fn nodes_and_addresses() {
        let (folder, heap) = ("folder".into(), "1g".to_owned());
        let cluster = Cluster { folder, engine: Engine::Local, brokers: 3, port: 19092, heap };
        assert_eq!(cluster.bootstrap(), "127.0.0.1:19092,127.0.0.1:19093,127.0.0.1:19094");
        assert_eq!(cluster.voters(), "1@127.0.0.1:20092,2@127.0.0.1:20093,3@127.0.0.1:20094");
        assert_eq!(cluster.majority(), 2);
        let numbers = |number| {
            cluster.nodes(number).map(|nodes| nodes.iter().map(|node| node.number).collect::<Vec<_>>()).ok()
        };
        assert_eq!(numbers(None), Some(vec![1, 2, 3]));
        assert_eq!(numbers(Some(2)), Some(vec![2]));
        assert_eq!(numbers(Some(0)), None);
        assert_eq!(numbers(Some(4)), None);
        assert!(Cluster { port: 64_534, ..cluster }.nodes(None).is_err());
    }
}
