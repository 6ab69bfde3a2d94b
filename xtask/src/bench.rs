//! `cargo xtask bench`: daybook beside a bare copy, on a real broker.

use std::ffi::OsString;
use std::fs::remove_dir_all;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::command::{cargo, program, read, run as finish, target_folder};

/// Not that of the brokers that tests use.
const PORT: &str = "29092";

/// Arguments of `bench`.
#[derive(clap::Args)]
pub struct Arguments {
    /// Events of a throughput round
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// Throughput rounds that count
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// HOST:PORT of a broker that runs, instead of one that is started for this
    #[arg(long)]
    bootstrap: Option<String>,
    /// Processes of that broker, for its CPU time
    #[arg(long, requires = "bootstrap", value_delimiter = ',')]
    broker_pid: Vec<u32>,
    /// A binary to measure, instead of one that is built for this
    #[arg(long)]
    daybook: Option<PathBuf>,
    /// After `--`: other arguments of daybook-bench (`-- --help` prints them)
    #[arg(last = true)]
    more: Vec<OsString>,
}

/// A broker to measure on.
struct Broker {
    bootstrap: String,
    pids: Vec<u32>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<()> {
    let target = target_folder()?;
    // Built before a broker runs beside it.
    finish(&mut cargo("build --release --locked --bin daybook-bench"))?;
    let daybook = match &arguments.daybook {
        Some(daybook) => daybook.clone(),
        None => {
            finish(&mut cargo("build --release --locked --bin daybook"))?;
            target.join("release/daybook")
        }
    };
    if let Some(bootstrap) = &arguments.bootstrap {
        let broker = Broker { bootstrap: bootstrap.clone(), pids: arguments.broker_pid.clone() };
        return measure(arguments, &target, &daybook, &broker);
    }
    let folder = target.join("bench-kafka");
    let broker = start(&folder)?;
    let outcome = measure(arguments, &target, &daybook, &broker);
    let stopped = finish(kafka("stop", &folder)?.arg("--kill"));
    outcome?;
    stopped?;
    // Some gigabytes; after a failure the broker's log may be worth a look.
    remove_dir_all(&folder).with_context(|| format!("failed to remove {}", folder.display()))
}

/// Starts a broker of this machine: a container's CPU time could not be seen.
fn start(folder: &Path) -> Result<Broker> {
    let mut command = kafka("start", folder)?;
    let said = read(command.args(["--port", PORT, "--engine", "local", "--fresh"]))?;
    print!("{said}");
    let bootstrap = said.lines().find_map(|line| line.strip_prefix("bootstrap "));
    let bootstrap = bootstrap.context("`kafka start` names no address")?.to_owned();
    let after = |line: &str| line.split_once(", pid ")?.1.split(',').next()?.parse().ok();
    let pids: Vec<u32> = said.lines().filter_map(after).collect();
    ensure!(!pids.is_empty(), "`kafka start` names no process");
    Ok(Broker { bootstrap, pids })
}

fn kafka(what: &str, folder: &Path) -> Result<std::process::Command> {
    let mut command = program(std::env::current_exe().context("this program has no path")?);
    command.args(["kafka", what, "--folder"]).arg(folder);
    Ok(command)
}

fn measure(arguments: &Arguments, target: &Path, daybook: &Path, broker: &Broker) -> Result<()> {
    let mut bench = program(target.join("release/daybook-bench"));
    bench.args(["run", "--bootstrap", &broker.bootstrap, "--daybook"]).arg(daybook);
    bench.args(["--events", &arguments.events.to_string(), "--rounds", &arguments.rounds.to_string()]);
    bench.arg("--work-folder").arg(target.join("bench"));
    for pid in &broker.pids {
        bench.args(["--broker-pid", &pid.to_string()]);
    }
    finish(bench.args(&arguments.more))
}
