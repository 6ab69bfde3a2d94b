//! A block that runs on while others are run.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// It may have to build the program first.
const START_LIMIT: Duration = Duration::from_secs(900);
const STOP_LIMIT: Duration = Duration::from_secs(60);
const PERIOD: Duration = Duration::from_millis(100);
/// The signal that a process is asked to end with.
const SIGTERM: i32 = 15;

/// A running block.
pub struct Background {
    child: Child,
    address: String,
    ended: bool,
}

impl Background {
    /// Starts a command and waits until an address answers with success.
    ///
    /// # Errors
    /// It ends before that or takes too long, or something else answers there.
    pub fn start(mut command: Command, address: &str) -> Result<Self> {
        ensure!(!is_reachable(address), "something else answers at {address}; stop it first");
        // A group of its own, so that all that it starts can be asked to end.
        let child = command.process_group(0).spawn().context("failed to start bash")?;
        let mut background = Self { child, address: address.to_owned(), ended: false };
        let begun = Instant::now();
        while !answers(address) {
            if let Some(status) = background.child.try_wait()? {
                background.ended = true;
                bail!("ended with {status} before {address} answered");
            }
            ensure!(begun.elapsed() < START_LIMIT, "{address} did not answer in {} s", START_LIMIT.as_secs());
            thread::sleep(PERIOD);
        }
        Ok(background)
    }

    /// Asks it to end and waits until its address is free.
    ///
    /// # Errors
    /// It had ended by itself, fails, or takes too long.
    pub fn stop(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            self.ended = true;
            bail!("what ran in the background had ended by itself, with {status}");
        }
        self.signal("TERM");
        let begun = Instant::now();
        loop {
            let status = self.child.try_wait()?;
            if let Some(status) = status.filter(|_| !is_reachable(&self.address)) {
                self.ended = true;
                let as_asked = status.success() || status.signal() == Some(SIGTERM);
                ensure!(as_asked, "asked to end, it ended with {status}");
                return Ok(());
            }
            ensure!(begun.elapsed() < STOP_LIMIT, "it did not end in {} s", STOP_LIMIT.as_secs());
            thread::sleep(PERIOD);
        }
    }

    /// Waits until it has ended, however that was.
    ///
    /// # Errors
    /// It runs on.
    pub fn has_ended(mut self) -> Result<()> {
        let begun = Instant::now();
        while self.child.try_wait()?.is_none() {
            ensure!(begun.elapsed() < STOP_LIMIT, "it runs on");
            thread::sleep(PERIOD);
        }
        self.ended = true;
        Ok(())
    }

    fn signal(&self, name: &str) {
        let script = format!("kill -{name} -- -{}", self.child.id());
        // A group that is gone needs no signal.
        let _ = Command::new("bash").args(["-c", &script]).status();
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        if !self.ended {
            self.signal("KILL");
            let _ = self.child.wait();
        }
    }
}

fn agent() -> ureq::Agent {
    let limit = Some(Duration::from_secs(5));
    ureq::Agent::config_builder().http_status_as_error(false).timeout_global(limit).build().into()
}

fn answers(address: &str) -> bool {
    agent().get(address).call().is_ok_and(|answer| answer.status().is_success())
}

fn is_reachable(address: &str) -> bool {
    agent().get(address).call().is_ok()
}
