//! The broker that the tests are given.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::binary::finish;

/// Names a broker to test with: `HOST:PORT`.
const BOOTSTRAP: &str = "DAYBOOK_TEST_KAFKA";
/// Names the folder in which `cargo xtask kafka` runs it.
const FOLDER: &str = "DAYBOOK_TEST_KAFKA_FOLDER";
/// Names xtask's binary.
const XTASK: &str = "DAYBOOK_TEST_XTASK";

/// A broker of a test's own.
#[derive(Debug)]
pub struct AnotherBroker(pub Broker);

impl Drop for AnotherBroker {
    fn drop(&mut self) {
        let _ = self.0.xtask(&["stop", "--kill"]);
    }
}

/// A real broker.
#[derive(Clone, Debug)]
pub struct Broker {
    /// `HOST:PORT`.
    pub bootstrap: String,
    folder: PathBuf,
    xtask: PathBuf,
}

impl Broker {
    /// The one that the environment names.
    ///
    /// # Errors
    /// It names none.
    pub fn under_test() -> Result<Self> {
        let named = |variable: &str| {
            std::env::var(variable).with_context(|| {
                format!("{variable} is not set; `cargo xtask ci` starts a broker and sets it")
            })
        };
        Ok(Self { bootstrap: named(BOOTSTRAP)?, folder: named(FOLDER)?.into(), xtask: named(XTASK)?.into() })
    }

    /// Kills the broker as a power cut does and starts it again on what is on its disk.
    ///
    /// # Errors
    /// It does not come back.
    pub fn crash(&self) -> Result<()> {
        self.stop()?;
        self.start()
    }

    /// Kills the broker as a power cut does.
    ///
    /// # Errors
    /// It does not end.
    pub fn stop(&self) -> Result<()> {
        self.xtask(&["stop", "--kill"])
    }

    /// Starts it again on what is on its disk.
    ///
    /// # Errors
    /// It does not come back.
    pub fn start(&self) -> Result<()> {
        let (_, port) = self.bootstrap.rsplit_once(':').context("the broker has no port")?;
        self.xtask(&["start", "--engine", "local", "--port", port])
    }

    /// Starts another broker, with settings of its own besides, which is stopped when it is dropped.
    ///
    /// # Errors
    /// It does not start.
    pub fn start_another(folder: &Path, port: u16, properties: &Path) -> Result<AnotherBroker> {
        let this = Self {
            folder: folder.join("kafka"),
            bootstrap: format!("127.0.0.1:{port}"),
            ..Self::under_test()?
        };
        let properties = properties.to_str().context("a path that is no text")?;
        this.xtask(&["start", "--engine", "local", "--port", &port.to_string(), "--properties", properties])?;
        Ok(AnotherBroker(this))
    }

    /// Runs one of Kafka's own tools.
    ///
    /// # Errors
    /// It fails.
    pub fn tool(&self, name: &str, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(&self.xtask);
        command.args(["kafka", "tool", "--folder"]).arg(&self.folder).arg(name).args(arguments);
        finish(&mut command)?.with(0).map(drop)
    }

    fn xtask(&self, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(&self.xtask);
        command.arg("kafka").args(arguments).arg("--folder").arg(&self.folder);
        finish(&mut command)?.with(0).map(drop)
    }

    /// Makes a topic.
    ///
    /// # Errors
    /// The broker does not.
    pub fn topic(&self, name: &str, partitions: u32) -> Result<()> {
        let count = partitions.to_string();
        self.tool("topics", &["--create", "--topic", name, "--partitions", &count])
    }

    /// Runs kcat with arguments and an input; what it printed.
    ///
    /// # Errors
    /// It fails.
    pub fn kcat<A: AsRef<OsStr> + std::fmt::Debug>(
        &self,
        arguments: &[A],
        input: Option<&str>,
    ) -> Result<String> {
        let mut command = Command::new("kcat");
        command.args(["-b", &self.bootstrap]).args(arguments);
        let input_file = tempfile::NamedTempFile::new()?;
        if let Some(input) = input {
            std::fs::write(input_file.path(), input)?;
        }
        command.stdin(input_file.reopen()?);
        let ended = finish(&mut command)?;
        ensure!(ended.code == Some(0), "kcat {arguments:?} ended with {:?}: {}", ended.code, ended.stderr);
        Ok(ended.stdout)
    }
}
