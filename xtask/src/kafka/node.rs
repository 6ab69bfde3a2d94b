//! One node: its files, and its process if there is one.

use std::fmt;
use std::fs::{File, create_dir_all, read_to_string, remove_file, write};
use std::io::{Read, Seek, SeekFrom};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use anyhow::{Context, Result, ensure};

use super::cluster::Cluster;
use super::config::{Place, settings};
use super::jvm::Jvm;
use super::process;

/// What tells the file that it is in apart from all other processes' arguments.
const SETTINGS: &str = "server.properties";
/// The node runs in its folder, so that nothing in the folder's path has to be escaped in the settings.
const PLACE: Place = Place { host: "127.0.0.1", data: "data" };

/// A node.
pub struct Node {
    /// From 1.
    pub number: u16,
    /// Of the broker.
    pub port: u16,
    /// Of the controller.
    pub controller_port: u16,
    /// Where everything of it is.
    pub folder: PathBuf,
}

impl Node {
    /// Its process, if it runs.
    pub fn pid(&self) -> Option<u32> {
        let pid = read_to_string(self.pid_file()).ok()?.trim().parse().ok()?;
        process::runs(pid, &self.settings_file()).then_some(pid)
    }

    /// Forgets a process that has ended.
    pub fn forget(&self) {
        // It tells nothing any more, and nothing is lost where it stays.
        let _ = remove_file(self.pid_file());
    }

    /// Sees to it that nobody else has its ports.
    pub fn claim(&self) -> Result<()> {
        for port in [self.port, self.controller_port] {
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).with_context(|| {
                format!("{self} cannot have port {port}: something else has it; --port takes others")
            })?;
        }
        Ok(())
    }

    /// Writes its settings; those of the file come last, and win.
    pub fn configure(&self, cluster: &Cluster, properties: Option<&Path>) -> Result<()> {
        let failed = || format!("failed to write the settings of {self}");
        create_dir_all(&self.folder).with_context(failed)?;
        let lines =
            settings(cluster, self, &PLACE).into_iter().map(|(name, value)| format!("{name}={value}\n"));
        let more = properties
            .map(|file| read_to_string(file).with_context(|| format!("failed to read {}", file.display())));
        let text = lines.collect::<String>() + &more.transpose()?.unwrap_or_default();
        write(self.settings_file(), text).with_context(failed)
    }

    /// The cluster that its data belongs to, if it has data.
    pub fn cluster_id(&self) -> Option<String> {
        let text = read_to_string(self.folder.join(PLACE.data).join("meta.properties")).ok()?;
        text.lines().find_map(|line| line.strip_prefix("cluster.id=")).map(str::to_owned)
    }

    /// Begins to make its data folder that of a new node.
    pub fn format(&self, jvm: &Jvm, cluster_id: &str) -> Result<Child> {
        let mut format = jvm.tool("kafka.tools.StorageTool");
        format.args(["format", "--cluster-id", cluster_id, "--config"]).arg(self.settings_file());
        format.current_dir(&self.folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        format.spawn().context("failed to start java")
    }

    /// Starts its process, which outlives this one; gives back where in its log it begins.
    pub fn launch(&self, jvm: &Jvm, heap: &str) -> Result<u64> {
        let log = File::options().create(true).append(true).open(self.log());
        let log = log.with_context(|| format!("failed to open {}", self.log().display()))?;
        let begin = log.metadata()?.len();
        let mut server = jvm.server(heap);
        server.arg(self.settings_file()).current_dir(&self.folder);
        server.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // A group of its own: an interrupt from the terminal is not meant for it.
        let child = server.process_group(0).spawn().context("failed to start java")?;
        write(self.pid_file(), format!("{}\n", child.id())).context("failed to write a pid file")?;
        Ok(begin)
    }

    /// The last lines of its log, of those that begin somewhere.
    pub fn last_lines(&self, begin: u64, count: usize) -> Result<String> {
        let mut log = File::open(self.log())?;
        log.seek(SeekFrom::Start(begin))?;
        let mut bytes = Vec::new();
        log.read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().collect();
        Ok(lines[lines.len().saturating_sub(count)..].join("\n"))
    }

    /// Its log.
    pub fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    fn settings_file(&self) -> PathBuf {
        self.folder.join(SETTINGS)
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.join("pid")
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", self.number)
    }
}

/// Waits for what [`Node::format`] has begun.
pub fn formatted(format: Child) -> Result<()> {
    let output = format.wait_with_output().context("failed to wait for java")?;
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "failed to format: {}\n{said}", output.status);
    Ok(())
}
