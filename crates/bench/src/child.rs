//! A program under measurement, as a process of its own.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child as Process, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// How long a program may take to end.
const STOP_LIMIT: Duration = Duration::from_secs(60);
const PERIOD: Duration = Duration::from_millis(20);
/// How much of what it said is shown where it fails.
const SHOWN_LINES: usize = 30;

/// How a program is asked to end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By SIGTERM.
    Signal,
    /// By the end of its standard input.
    Input,
}

/// A running program. It is killed where it is forgotten.
pub struct Child {
    process: Process,
    ending: Ending,
    log: PathBuf,
}

impl Child {
    /// Starts it; what it says goes to a file.
    pub fn start(command: &mut Command, ending: Ending, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("failed to write {}", log.display()))?;
        command.stdin(if ending == Ending::Input { Stdio::piped() } else { Stdio::null() });
        command.stdout(file.try_clone()?).stderr(file);
        let process = command.spawn().with_context(|| format!("failed to start {command:?}"))?;
        Ok(Self { process, ending, log: log.to_owned() })
    }

    /// Its id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Fails where it has ended.
    pub fn check(&mut self) -> Result<()> {
        match self.process.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the program has ended with {status}\n{}", self.said()),
        }
    }

    /// The last that it said.
    pub fn said(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let shown = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
        format!("the end of {}:\n{shown}", self.log.display())
    }

    /// Asks it to end; its exit code must be 0.
    pub fn stop(mut self) -> Result<()> {
        self.check()?;
        match self.ending {
            Ending::Input => drop(self.process.stdin.take()),
            Ending::Signal => {
                let kill = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.pid())]).status()?;
                ensure!(kill.success(), "failed to signal the program");
            }
        }
        let status = self.ended()?;
        ensure!(status.success(), "the program ended with {status} when it was stopped\n{}", self.said());
        Ok(())
    }

    fn ended(&mut self) -> Result<ExitStatus> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait()? {
                return Ok(status);
            }
            ensure!(begun.elapsed() < STOP_LIMIT, "the program does not end\n{}", self.said());
            sleep(PERIOD);
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended long ago.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
