//! daybook as a program under measurement.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::child::{Child, Ending};
use crate::cluster::PARTITIONS;
use crate::program::{Kind, Program, Running, Stage};

const KEY: &str = "operator-key-of-the-benchmark";
/// What the peers that it is compared with publish.
const OUTPUTS: &str = r#"["ledger.entries", "rewards.points", "revenue.daily"]"#;

/// The binary, and where its files go.
pub struct Product<'a> {
    /// The binary.
    pub binary: &'a Path,
    /// Address of the broker.
    pub bootstrap: &'a str,
    /// Where configurations, logs and state go.
    pub folder: &'a Path,
}

impl Product<'_> {
    fn config_file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.toml"))
    }

    /// Runs a command to its end; what it prints.
    fn command(&self, arguments: &[&str], name: &str) -> Result<String> {
        let mut command = self.clean();
        command.args(arguments).arg("--config").arg(self.config_file(name));
        let output = command.output().with_context(|| format!("failed to start {command:?}"))?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (stdout, stderr) = (said(&output.stdout), said(&output.stderr));
        ensure!(output.status.success(), "{command:?} ended with {}\n{stdout}\n{stderr}", output.status);
        Ok(stdout)
    }

    /// A command that sees no setting of whoever runs the benchmark.
    fn clean(&self) -> Command {
        let mut command = Command::new(self.binary);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("DAYBOOK_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// The configuration in force of one that was started, secrets masked.
    pub fn configuration(&self, name: &str) -> Result<String> {
        self.command(&["run", "--check"], name)
    }

    /// What `daybook verify` says of the outputs; it fails where an invariant does not hold.
    pub fn verify(&self, name: &str) -> Result<String> {
        self.command(&["verify"], name)
    }

    /// Its counters so far.
    pub fn metrics(&self, name: &str) -> Result<Metrics> {
        let config = std::fs::read_to_string(self.config_file(name))?;
        let listen = config.lines().find_map(|line| line.strip_prefix("listen = "));
        let listen = listen.context("the configuration names no port")?.trim_matches('"');
        let url = format!("http://{listen}/metrics");
        let mut answer = ureq::get(&url).header("x-api-key", KEY).call()?;
        Metrics::read(&answer.body_mut().read_to_string()?)
    }
}

impl Program for Product<'_> {
    fn start(&self, name: &str, input: &str, commit_interval_ms: u64) -> Result<Running> {
        let port = free_port()?;
        let state = self.folder.join(format!("{name}-state"));
        let (prefix, bootstrap) = (format!("{name}."), self.bootstrap);
        let config = format!(
            "[log]\nfolder = {state:?}\n\n[kafka]\nbootstrap_servers = \"{bootstrap}\"\ngroup = \"{name}\"\n\
             topic_prefix = \"{prefix}\"\ntopics = {{ charges = \"{input}\" }}\njournal_partitions = {PARTITIONS}\n\
             output_partitions = {PARTITIONS}\ncommit_interval_ms = {commit_interval_ms}\n\n\
             [projector]\noutputs = {OUTPUTS}\n\n[query]\nenabled = false\n\n[http]\nlisten = \"127.0.0.1:{port}\"\n\n\
             [[http.api_keys]]\norganization = \"bench\"\nproject = \"*\"\nkey = \"{KEY}\"\n"
        );
        std::fs::write(self.config_file(name), config).context("failed to write a configuration")?;
        self.command(&["topics", "apply"], name)?;
        let mut command = self.clean();
        command.arg("run").arg("--config").arg(self.config_file(name));
        let log = self.folder.join(format!("{name}.log"));
        let child = Child::start(&mut command, Ending::Signal, &log)?;
        Ok(Running {
            kind: Kind::Daybook,
            child,
            first: Stage { group: format!("{name}.intake"), topic: input.to_owned() },
            last: Stage { group: format!("{name}.projector"), topic: format!("{prefix}journal") },
            prefix,
        })
    }
}

/// What has become of the events.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Metrics {
    /// In the books.
    pub accepted: u64,
    /// In the books already.
    pub duplicates: u64,
    /// Refused.
    pub dead_letters: u64,
    /// Entries, adjusting ones included.
    pub entries: u64,
    /// Adjusting entries.
    pub adjustments: u64,
    /// Journal records that intake wrote twice.
    pub already_seen: u64,
    /// Times that a stage began again.
    pub restarts: u64,
}

impl Metrics {
    /// Reads Prometheus' text format; the labels of a metric are summed up.
    fn read(text: &str) -> Result<Self> {
        let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
        for line in text.lines().filter(|line| line.starts_with("daybook_")) {
            let Some((metric, value)) = line.rsplit_once(' ') else { bail!("no metric: {line}") };
            let name = metric.split_once('{').map_or(metric, |(name, _)| name);
            // What is no whole number is not asked for here.
            *sums.entry(name).or_default() += value.parse().unwrap_or(0);
        }
        let sum = |name: &str| sums.get(name).copied().unwrap_or(0);
        Ok(Self {
            accepted: sum("daybook_events_accepted_total"),
            duplicates: sum("daybook_duplicates_total"),
            dead_letters: sum("daybook_dead_letters_total"),
            entries: sum("daybook_entries_total"),
            adjustments: sum("daybook_adjustments_total"),
            already_seen: sum("daybook_already_seen_total"),
            restarts: sum("daybook_stage_restarts_total"),
        })
    }

    /// Events that have come to an end.
    pub fn events(&self) -> u64 {
        self.accepted + self.duplicates + self.dead_letters
    }
}

/// A port that nobody listens on, which may change until somebody does.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[cfg(test)]
mod tests {
    use super::Metrics;

    #[test]
    fn labels_are_summed_up() -> anyhow::Result<()> {
        let metrics = Metrics::read(
            "# HELP daybook_duplicates_total …\ndaybook_duplicates_total 3\n\
             daybook_dead_letters_total{reason=\"a b\"} 4\ndaybook_dead_letters_total{reason=\"c\"} 5\n\
             daybook_restore_progress_ratio 0.5\n",
        )?;
        assert_eq!((metrics.duplicates, metrics.dead_letters, metrics.events()), (3, 9, 12));
        Ok(())
    }
}
