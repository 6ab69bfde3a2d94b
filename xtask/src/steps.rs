//! Steps that are announced, timed and added up.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The steps so far.
#[derive(Default)]
pub struct Steps {
    done: Vec<(&'static str, Duration)>,
    failed: bool,
}

impl Steps {
    /// Does a step.
    ///
    /// # Errors
    /// It failed; the message begins with its name.
    pub fn step(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        println!("\n==> {name}");
        let begun = Instant::now();
        let outcome = work();
        self.done.push((name, begun.elapsed()));
        self.failed = outcome.is_err();
        outcome.with_context(|| format!("step {name} failed"))
    }

    /// What each step has cost.
    pub fn table(&self) -> String {
        let mut table = String::from("\n");
        let last = self.done.len().saturating_sub(1);
        for (index, (name, cost)) in self.done.iter().enumerate() {
            let verdict = if self.failed && index == last { "FAILED" } else { "ok" };
            let _ = writeln!(table, "{name:<14} {} {verdict}", minutes(*cost));
        }
        let total = self.done.iter().map(|(_, cost)| *cost).sum();
        let _ = write!(table, "{:<14} {}", "total", minutes(total));
        table
    }
}

fn minutes(cost: Duration) -> String {
    let (seconds, tenths) = (cost.as_secs(), cost.subsec_millis() / 100);
    format!("{:>3} min {:>2}.{tenths} s", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::Steps;

    #[test]
    fn a_failed_step_is_named() {
        let mut steps = Steps::default();
        assert!(steps.step("one", || Ok(())).is_ok());
        let error = steps.step("two", || anyhow::bail!("because")).err().map(|e| format!("{e:#}"));
        assert_eq!(error.as_deref(), Some("step two failed: because"));
        let table = steps.table();
        let verdicts: Vec<&str> = table.lines().filter_map(|line| line.split_whitespace().last()).collect();
        assert_eq!(verdicts, ["ok", "FAILED", "s"]);
    }
}
