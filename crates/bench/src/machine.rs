//! What the figures were measured on and with.

use std::fs::read_to_string;
use std::process::Command;

use rdkafka::util::get_rdkafka_version;
use serde::Serialize;

use crate::arguments::RunArguments;
use crate::process;

/// Machine, date and versions.
#[derive(Serialize)]
pub struct Machine {
    /// When it was measured, in UTC.
    pub date: String,
    /// Model of the CPU.
    pub cpu: String,
    /// CPUs that may be used.
    pub cores: usize,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// Of the system.
    pub kernel: String,
    /// The binary's version.
    pub daybook: String,
    /// The state of the sources that stand where this is run, which need not be the binary's.
    pub commit: String,
    /// The client library's version.
    pub librdkafka: String,
    /// The broker's version, where it runs here.
    pub kafka: String,
}

impl Machine {
    /// What can be found out.
    pub fn look(arguments: &RunArguments) -> Self {
        let field = |path: &str, name: &str| {
            let text = read_to_string(path).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
            line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned())).unwrap_or_default()
        };
        let memory = field("/proc/meminfo", "MemTotal");
        let kib: u64 = memory.split(' ').next().and_then(|kib| kib.parse().ok()).unwrap_or(0);
        Self {
            date: said(Command::new("date").args(["--utc", "+%Y-%m-%d %H:%M"])),
            cpu: field("/proc/cpuinfo", "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            memory_mib: kib / 1024,
            kernel: said(Command::new("uname").arg("-sr")),
            daybook: said(Command::new(&arguments.daybook).arg("--version")),
            commit: said(Command::new("git").args(["describe", "--always", "--dirty"])),
            librdkafka: get_rdkafka_version().1,
            kafka: arguments.broker_pid.iter().find_map(|pid| kafka(*pid)).unwrap_or_default(),
        }
    }
}

/// How many CPUs may be used.
pub fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64)
}

/// Version of a broker, by the name of a jar that it has open: `kafka_2.13-4.3.1.jar`.
fn kafka(pid: u32) -> Option<String> {
    process::open_files(pid).iter().find_map(|file| {
        let name = file.file_name()?.to_str()?.strip_prefix("kafka_")?.strip_suffix(".jar")?;
        Some(name.split_once('-')?.1.to_owned())
    })
}

fn said(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
