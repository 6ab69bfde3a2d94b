//! What the system knows of a process, read from `/proc`: the local way is one for Linux.

use std::fs::{read, read_dir, read_link, read_to_string};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

/// A signal.
#[derive(Clone, Copy)]
pub enum Signal {
    /// Asks the process to end.
    Term,
    /// Ends it.
    Kill,
}

/// Whether a process runs that was started with a path among its arguments. Without that, a number that was given to
/// another process meanwhile would be taken for it.
pub fn runs(pid: u32, argument: &Path) -> bool {
    let Ok(line) = read(format!("/proc/{pid}/cmdline")) else { return false };
    if line.is_empty() {
        // Of these, one that has just been started still has a program; one that waits to be reaped has none.
        return read_link(format!("/proc/{pid}/exe")).is_ok();
    }
    let argument = argument.as_os_str().as_bytes();
    line.split(|byte| *byte == 0).any(|a| a == argument)
}

/// Memory in RAM, in MiB.
pub fn memory(pid: u32) -> Option<u64> {
    let status = read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}

/// Whether a process accepts connections at a port. To connect would not tell whose port it is.
pub fn listens(pid: u32, port: u16) -> bool {
    let Ok(files) = read_dir(format!("/proc/{pid}/fd")) else { return false };
    let own: Vec<_> = files.flatten().filter_map(|file| read_link(file.path()).ok()).collect();
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| read_to_string(table).unwrap_or_default());
    let mut sockets = tables.iter().flat_map(|table| listening(table, port));
    sockets.any(|inode| own.contains(&format!("socket:[{inode}]").into()))
}

/// Inodes of a port's listening sockets in such a table:
///
/// ```text
///   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
///    0: 0100007F:4A94 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 5150 1 …
/// ```
fn listening(table: &str, port: u16) -> impl Iterator<Item = &str> {
    let port = format!(":{port:04X}");
    table.lines().filter_map(move |line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, state) = (fields.next()?, fields.nth(1)?);
        let inode = fields.nth(5)?;
        (local.ends_with(&port) && state == "0A").then_some(inode)
    })
}

/// Sends a signal; a process that is gone needs none.
pub fn signal(pid: u32, signal: Signal) -> Result<()> {
    let name = match signal {
        Signal::Term => "TERM",
        Signal::Kill => "KILL",
    };
    // Built into every shell, while the program `kill` is not everywhere.
    let status = Command::new("sh").args(["-c", &format!("kill -{name} {pid} 2>/dev/null")]).status()?;
    ensure!(status.success() || !Path::new(&format!("/proc/{pid}")).exists(), "may not end process {pid}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::path::Path;
    use std::process;

    use super::{Signal, listens, memory, runs, signal};

    #[test]
    fn from_its_start_to_its_end() -> anyhow::Result<()> {
        let argument = Path::new("60");
        for _ in 0..100 {
            let mut child = process::Command::new("sleep").arg(argument).spawn()?;
            assert!(runs(child.id(), argument));
            signal(child.id(), Signal::Kill)?;
            while runs(child.id(), argument) {}
            child.wait()?;
            signal(child.id(), Signal::Term)?;
        }
        Ok(())
    }

    #[test]
    fn this_process() -> anyhow::Result<()> {
        let own = process::id();
        let program = std::env::args().next().unwrap_or_default();
        assert!(runs(own, Path::new(&program)));
        assert!(!runs(own, Path::new("another")));
        assert!(memory(own).is_some_and(|mib| mib > 0));
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        assert!(listens(own, port));
        assert!(!listens(1, port));
        drop(listener);
        assert!(!listens(own, port));
        Ok(())
    }
}
