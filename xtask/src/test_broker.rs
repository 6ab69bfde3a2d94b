//! The broker and the schema registry that tests run on: their own, and new each time.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{program, run, target_folder};
use crate::registry;

/// Neither the default of `cargo xtask kafka` nor that of the benchmark.
const PORT: u16 = 21_092;
const REGISTRY_PORT: u16 = 21_081;

/// A running broker. It is stopped when this is dropped.
pub struct TestBroker {
    xtask: PathBuf,
    folder: PathBuf,
    running: bool,
}

impl TestBroker {
    /// Starts it without data, on this machine: tests crash it.
    pub fn start() -> Result<Self> {
        let xtask = std::env::current_exe().context("this program has no path")?;
        let folder = target_folder()?.join("test-kafka");
        let port = PORT.to_string();
        run(kafka(&xtask, "start", &folder).args(["--engine", "local", "--fresh", "--port", &port]))?;
        Ok(Self { xtask, folder, running: true })
    }

    /// Tells a test where it is.
    pub fn environment<'a>(&self, test: &'a mut Command) -> &'a mut Command {
        test.env("DAYBOOK_TEST_KAFKA", format!("127.0.0.1:{PORT}"))
            .env("DAYBOOK_TEST_KAFKA_FOLDER", &self.folder)
            .env("DAYBOOK_TEST_XTASK", &self.xtask)
    }

    /// Stops it.
    pub fn stop(mut self) -> Result<()> {
        self.running = false;
        run(kafka(&self.xtask, "stop", &self.folder).arg("--kill"))
    }
}

impl Drop for TestBroker {
    fn drop(&mut self) {
        if self.running {
            // Its data is gone with the next start anyway.
            let _ = kafka(&self.xtask, "stop", &self.folder).arg("--kill").status();
        }
    }
}

/// A running schema registry. It is stopped when this is dropped.
pub struct TestRegistry {
    xtask: PathBuf,
    folder: PathBuf,
    running: bool,
}

impl TestRegistry {
    /// Starts it, empty.
    pub fn start() -> Result<Self> {
        let xtask = std::env::current_exe().context("this program has no path")?;
        let folder = target_folder()?.join("test-registry");
        let this = Self { xtask, folder, running: true };
        // What an earlier run has left has its schemas.
        if this.folder.is_dir() {
            run(&mut this.command("stop"))?;
        }
        run(this.command("start").args(["--port", &REGISTRY_PORT.to_string()]))?;
        Ok(this)
    }

    /// Tells a test where it is.
    pub fn environment<'a>(&self, test: &'a mut Command) -> &'a mut Command {
        test.env("DAYBOOK_TEST_REGISTRY", registry::url(REGISTRY_PORT))
    }

    /// Stops it.
    pub fn stop(mut self) -> Result<()> {
        self.running = false;
        run(&mut self.command("stop"))
    }

    fn command(&self, what: &str) -> Command {
        let mut command = program(&self.xtask);
        command.args(["registry", what, "--folder"]).arg(&self.folder);
        command
    }
}

impl Drop for TestRegistry {
    fn drop(&mut self) {
        if self.running {
            let _ = self.command("stop").status();
        }
    }
}

fn kafka(xtask: &Path, what: &str, folder: &Path) -> Command {
    let mut command = program(xtask);
    command.args(["kafka", what, "--folder"]).arg(folder);
    command
}
