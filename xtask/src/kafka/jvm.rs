//! Java with Kafka's jars.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use super::jars;
use crate::tools;

/// A Java and the jars.
pub struct Jvm {
    java: PathBuf,
    jars: PathBuf,
}

impl Jvm {
    /// Both, installed or downloaded where they are missing.
    pub fn provide() -> Result<Self> {
        Ok(Self { java: tools::java()?, jars: jars::provide()? })
    }

    /// Both, as they must be there where a broker runs.
    pub fn find() -> Result<Self> {
        let jars =
            jars::find()?.context("Kafka's jars are missing; `cargo xtask kafka start` downloads them")?;
        Ok(Self { java: tools::find("java").context("java is not on the PATH")?, jars })
    }

    /// A broker. Flags are those of Kafka's own scripts.
    pub fn server(&self, heap: &str) -> Command {
        let mut command = self.command("WARN");
        command.args([&format!("-Xms{heap}"), &format!("-Xmx{heap}"), "-server", "-XX:+UseG1GC"]);
        command.args(["-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35"]);
        command.args(["-XX:+ExplicitGCInvokesConcurrent", "-Djava.awt.headless=true", "kafka.Kafka"]);
        command
    }

    /// A program that ends soon: what would make it faster later only slows its start.
    pub fn tool(&self, class: &str) -> Command {
        let mut command = self.command("ERROR");
        command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m", class]);
        command
    }

    fn command(&self, level: &str) -> Command {
        let mut command = Command::new(&self.java);
        let mut log = OsString::from("-Dlog4j2.configurationFile=");
        log.push(jars::file("log4j2.properties"));
        command.arg(log).arg(format!("-Dkafka.loglevel={level}"));
        command.arg("-cp").arg(self.jars.join("*"));
        command
    }
}
