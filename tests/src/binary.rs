//! The binary under test, run to its end.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::wait;

/// Names the binary under test.
const BINARY: &str = "DAYBOOK_BIN";
/// Names one that was built with the feature `negative-controls`.
const BREAKABLE: &str = "DAYBOOK_BIN_NEGATIVE";
/// Says which way a breakable binary is broken.
const CONTROL: &str = "DAYBOOK_NEGATIVE_CONTROL";
/// Names a file whose remover, an instance of a breakable binary, stops itself before its next commit.
const STOP: &str = "DAYBOOK_NEGATIVE_CONTROL_STOP";

/// No command of these tests takes longer.
const LIMIT: Duration = Duration::from_secs(300);

/// A binary to run.
#[derive(Clone, Debug)]
pub struct Binary {
    path: PathBuf,
    control: Option<&'static str>,
    stop: Option<PathBuf>,
}

/// How a command ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Its exit code; `None` where a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about.
    pub stderr: String,
}

impl Ended {
    /// Whether it ended with `code`.
    ///
    /// # Errors
    /// It ended otherwise; the message holds what it said.
    pub fn with(&self, code: i32) -> Result<&Self> {
        if self.code == Some(code) {
            return Ok(self);
        }
        bail!("ended with {:?} instead of {code}\n{}\n{}", self.code, self.stdout, self.stderr)
    }
}

impl Binary {
    /// The one that `DAYBOOK_BIN` names.
    ///
    /// # Errors
    /// It names none.
    pub fn under_test() -> Result<Self> {
        Ok(Self { path: named(BINARY)?, control: None, stop: None })
    }

    /// The one that `DAYBOOK_BIN_NEGATIVE` names, broken by `control`; with `None` it must work.
    ///
    /// # Errors
    /// It names none.
    pub fn broken_by(control: Option<&'static str>) -> Result<Self> {
        Ok(Self { path: named(BREAKABLE)?, control, stop: None })
    }

    /// The same, of which one instance stops itself before a commit each time that somebody makes `file`.
    #[must_use]
    pub fn stopped_by(&self, file: &Path) -> Self {
        Self { stop: Some(file.to_owned()), ..self.clone() }
    }

    /// A command that sees no setting of whoever runs the tests.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        without_settings(&mut command);
        if let Some(control) = self.control {
            command.env(CONTROL, control);
        }
        if let Some(file) = &self.stop {
            command.env(STOP, file);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// It can't be started, or does not end in time.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Result<Ended> {
        let mut command = self.command();
        command.args(arguments);
        finish(&mut command)
    }
}

/// Hides from a command what whoever runs the tests has set.
pub fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("DAYBOOK_") {
            command.env_remove(name);
        }
    }
}

/// Runs any command to its end, its output taken.
///
/// # Errors
/// It can't be started, or does not end in time.
pub fn finish(command: &mut Command) -> Result<Ended> {
    let what = format!("{command:?} to end");
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("failed to start {command:?}"))?;
    let (stdout, stderr) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let code = exit_code(&mut child, &what, LIMIT)?;
    Ok(Ended { code, stdout: joined(stdout), stderr: joined(stderr) })
}

/// The code that a process ends with; one that does not end in time is killed.
///
/// # Errors
/// It does not end in time.
pub fn exit_code(child: &mut Child, what: &str, limit: Duration) -> Result<Option<i32>> {
    let ended = wait::until(what, limit, || child.try_wait().context("failed to wait for a process"));
    if ended.is_err() {
        // It may have ended just now.
        let _ = child.kill();
        let _ = child.wait();
    }
    Ok(ended?.code())
}

fn drain(from: Option<impl Read + Send + 'static>) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut from) = from {
            // What was read before a failure is still worth showing.
            let _ = from.read_to_end(&mut bytes);
        }
        bytes
    })
}

fn joined(output: JoinHandle<Vec<u8>>) -> String {
    String::from_utf8_lossy(&output.join().unwrap_or_default()).into_owned()
}

fn named(variable: &str) -> Result<PathBuf> {
    let path = std::env::var_os(variable).map(PathBuf::from);
    match path {
        Some(path) if path.is_file() => Ok(path),
        Some(path) => bail!("{variable} names {}, which is no file", path.display()),
        None => bail!("{variable} must name the binary to test; `cargo xtask ci` builds it and sets it"),
    }
}
