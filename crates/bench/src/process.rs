//! What Linux knows of processes: CPU time and memory.

use std::fs::read_to_string;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

/// The unit in which `/proc` tells CPU times: a hundredth of a second, on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// CPU time that processes have used so far, user's and system's.
pub fn cpu(pids: &[u32]) -> Result<Duration> {
    pids.iter().map(|pid| cpu_of(*pid)).sum()
}

fn cpu_of(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    ticks_of_process(&stat).map(ticks).with_context(|| format!("{path} is not as expected"))
}

/// User and system time of a line of `/proc/PID/stat`. The second field is a name in parentheses, which may hold anything.
fn ticks_of_process(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let (user, system) = (fields.next()?, fields.next()?);
    Some(user.parse::<u64>().ok()? + system.parse::<u64>().ok()?)
}

/// CPU time that everything on the machine has used so far, what the hypervisor gave to others included.
pub fn cpu_of_all() -> Result<Duration> {
    let stat = read_to_string("/proc/stat").context("failed to read /proc/stat")?;
    ticks_of_all(&stat).map(ticks).context("/proc/stat is not as expected")
}

/// All but idle and waiting for disks, of `cpu user nice system idle iowait irq softirq steal …`.
fn ticks_of_all(stat: &str) -> Option<u64> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?;
    let times: Vec<u64> = fields.split_whitespace().take(8).map_while(|t| t.parse().ok()).collect();
    let [user, nice, system, _, _, irq, softirq, steal] = times.try_into().ok()?;
    Some(user + nice + system + irq + softirq + steal)
}

fn ticks(count: u64) -> Duration {
    TICK * u32::try_from(count).unwrap_or(u32::MAX)
}

/// The most memory that a process had in RAM so far, in bytes.
pub fn peak_memory(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let status = read_to_string(&path).with_context(|| format!("failed to read {path}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
    Ok(kib.with_context(|| format!("{path} names no VmHWM"))? * 1024)
}

/// Files that a process has open.
pub fn open_files(pid: u32) -> Vec<PathBuf> {
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    files.flatten().filter_map(|file| std::fs::read_link(file.path()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{ticks_of_all, ticks_of_process};

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 1 2 3 4 120 30 9 9 20 0 5 0 1 2 3";
        assert_eq!(ticks_of_process(stat), Some(150));
    }

    #[test]
    fn idle_is_no_work() {
        assert_eq!(ticks_of_all("cpu  1 2 4 1000 1000 8 16 32 64 64\ncpu0 …"), Some(63));
    }
}
