//! `cargo xtask kafka`: a real Apache Kafka, for tests and for trying things out.

mod cluster;
mod config;
mod docker;
pub mod jars;
mod jvm;
mod local;
pub mod lock;
mod node;
pub mod process;
mod tool;

use std::ffi::OsString;
use std::fs::create_dir_all;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Subcommand, ValueEnum};

use crate::command::target_folder;
use cluster::{Cluster, Engine};
use process::Signal;
use tool::Tool;

const DEFAULT_BROKERS: u16 = 1;
const DEFAULT_PORT: u16 = 19092;
const DEFAULT_HEAP: &str = "1g";

/// Arguments of `kafka`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Where the cluster is kept: its data, settings and logs [default: kafka in cargo's target folder]
    #[arg(long, global = true)]
    folder: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts it, where it does not run, and waits until it answers; the last line is `bootstrap ADDRESS,…`
    Start(Start),
    /// Stops it; the data stays
    Stop(Stop),
    /// Says what runs; fails unless all of it does
    Status,
    /// Runs one of Kafka's own tools on it
    #[command(disable_help_flag = true)]
    Tool {
        /// Which
        name: Tool,
        /// Its arguments; --bootstrap-server is added
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

#[derive(clap::Args)]
struct Start {
    /// How many brokers: 1 or 3 [default: as before, or 1]
    #[arg(long, value_parser = PossibleValuesParser::new(["1", "3"]).try_map(|text| text.parse::<u16>()))]
    brokers: Option<u16>,
    /// Port of the first broker, below those that the system gives out; the others' follow, and a thousand higher those
    /// of the controllers [default: as before, or 19092]
    #[arg(long)]
    port: Option<u16>,
    /// What runs it
    #[arg(long, value_enum, default_value = "auto")]
    engine: Choice,
    /// Java's heap of each broker [default: as before, or 1g]
    #[arg(long)]
    heap: Option<String>,
    /// File of more settings for brokers that are started now, which win over others; for example listeners with TLS
    #[arg(long)]
    properties: Option<PathBuf>,
    /// Only this node, from 1
    #[arg(long)]
    node: Option<u16>,
    /// Removes all data first, or that of the node; what runs on it is killed
    #[arg(long)]
    fresh: bool,
}

#[derive(clap::Args)]
struct Stop {
    /// Kills it, as a crash would
    #[arg(long)]
    kill: bool,
    /// Only this node, from 1
    #[arg(long)]
    node: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Choice {
    /// Docker if its engine answers and one broker is asked for, else local
    Auto,
    /// A container; for one broker
    Docker,
    /// Java on this machine
    Local,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let folder = match &arguments.folder {
        Some(folder) => folder.clone(),
        None => target_folder()?.join("kafka"),
    };
    match &arguments.command {
        Command::Start(arguments) => start(&folder, arguments),
        Command::Stop(arguments) => stop(&folder, arguments),
        Command::Status => status(&folder),
        Command::Tool { name, arguments } => {
            let cluster = kept(&folder)?.with_context(|| {
                format!("{} holds no cluster; `cargo xtask kafka start` makes one", folder.display())
            })?;
            tool::run(&cluster, *name, arguments)
        }
    }
}

fn start(folder: &Path, arguments: &Start) -> Result<ExitCode> {
    create_dir_all(folder).with_context(|| format!("failed to make {}", folder.display()))?;
    let folder = folder.canonicalize()?;
    let _lock = lock::exclusive(&folder.join("lock"))?;
    let kept = Cluster::load(&folder)?;
    if let Some(cluster) = kept.as_ref().filter(|_| arguments.fresh) {
        match cluster.engine {
            Engine::Docker => docker::clear(cluster)?,
            Engine::Local => local::clear(&cluster.nodes(arguments.node)?)?,
        }
    }
    let cluster = match kept {
        Some(cluster) if arguments.fresh && arguments.node.is_none() => {
            cluster.forget()?;
            create(folder, Some(cluster), arguments)
        }
        Some(cluster) => resume(cluster, arguments)?,
        None => create(folder, None, arguments),
    };
    let nodes = cluster.nodes(arguments.node)?;
    match cluster.engine {
        Engine::Docker => {
            ensure!(arguments.properties.is_none(), "--properties is for --engine local");
            docker::start(&cluster)?;
        }
        Engine::Local => local::start(&cluster, &nodes, arguments.properties.as_deref())?,
    }
    println!("bootstrap {}", cluster.bootstrap());
    Ok(ExitCode::SUCCESS)
}

/// A cluster without data; what is not asked for is as it was before.
fn create(folder: PathBuf, before: Option<Cluster>, asked: &Start) -> Cluster {
    let (brokers, port, heap) = match before {
        Some(before) => (before.brokers, before.port, before.heap),
        None => (DEFAULT_BROKERS, DEFAULT_PORT, DEFAULT_HEAP.to_owned()),
    };
    let brokers = asked.brokers.unwrap_or(brokers);
    let port = asked.port.unwrap_or(port);
    let heap = asked.heap.clone().unwrap_or(heap);
    Cluster { folder, engine: engine(asked.engine, brokers), brokers, port, heap }
}

/// The cluster that the folder holds, with what may be changed of it.
fn resume(mut cluster: Cluster, asked: &Start) -> Result<Cluster> {
    let as_before = asked.brokers.is_none_or(|brokers| brokers == cluster.brokers)
        && match asked.engine {
            Choice::Auto => true,
            Choice::Docker => cluster.engine == Engine::Docker || cluster.brokers > 1,
            Choice::Local => cluster.engine == Engine::Local,
        };
    ensure!(
        as_before,
        "{} holds data of {} ({}); --fresh removes it, --folder takes another",
        cluster.folder.display(),
        match cluster.brokers {
            1 => "one broker".to_owned(),
            brokers => format!("{brokers} brokers"),
        },
        cluster.engine.name(),
    );
    if let Some(port) = asked.port.filter(|port| *port != cluster.port) {
        let folder = cluster.folder.display();
        // A container keeps its ports.
        ensure!(cluster.engine == Engine::Local, "{folder} holds port {}; --fresh changes it", cluster.port);
        let runs = cluster.nodes(None)?.iter().any(|node| node.pid().is_some());
        ensure!(!runs, "{folder} holds a cluster that runs at port {}; stop it first", cluster.port);
        cluster.port = port;
    }
    if let Some(heap) = &asked.heap {
        cluster.heap.clone_from(heap);
    }
    Ok(cluster)
}

fn engine(choice: Choice, brokers: u16) -> Engine {
    let docker = match choice {
        Choice::Auto => docker::answers(),
        Choice::Docker => true,
        Choice::Local => false,
    };
    if docker && brokers > 1 {
        println!("docker is for one broker: these {brokers} run as processes of this machine");
    }
    if docker && brokers == 1 { Engine::Docker } else { Engine::Local }
}

fn stop(folder: &Path, arguments: &Stop) -> Result<ExitCode> {
    let Some(cluster) = kept(folder)? else {
        println!("not running: {} holds no cluster", folder.display());
        return Ok(ExitCode::SUCCESS);
    };
    let _lock = lock::exclusive(&cluster.folder.join("lock"))?;
    // Another process may have changed it before it gave the lock up.
    let cluster = Cluster::load(&cluster.folder)?.unwrap_or(cluster);
    let nodes = cluster.nodes(arguments.node)?;
    let signal = if arguments.kill { Signal::Kill } else { Signal::Term };
    match cluster.engine {
        Engine::Docker => docker::stop(&cluster, signal)?,
        Engine::Local => local::stop(&nodes, signal)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn status(folder: &Path) -> Result<ExitCode> {
    let runs = match kept(folder)? {
        None => {
            println!("not running: {} holds no cluster", folder.display());
            false
        }
        Some(cluster) => match cluster.engine {
            Engine::Docker => docker::status(&cluster),
            Engine::Local => local::status(&cluster.nodes(None)?),
        },
    };
    Ok(if runs { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The cluster that a folder holds, which need not exist.
fn kept(folder: &Path) -> Result<Option<Cluster>> {
    if folder.is_dir() { Cluster::load(&folder.canonicalize()?) } else { Ok(None) }
}
