//! Programs that the checks need beside Rust's own.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::command::{program, read, run};

/// Names under which the browser is found.
const BROWSERS: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// Sees to it that everything is there.
pub fn provide() -> Result<()> {
    if browser().is_none() {
        install("chromium", "the page's test")?;
    }
    if find("curl").is_none() {
        install("curl", "the README's commands")?;
    }
    match (browser(), find("curl")) {
        (Some(_), Some(_)) => Ok(()),
        _ => bail!("chromium or curl is still missing after its installation"),
    }
}

/// The browser.
pub fn browser() -> Option<PathBuf> {
    BROWSERS.into_iter().find_map(find)
}

fn find(name: &str) -> Option<PathBuf> {
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(name)).find(|path| path.is_file())
}

fn install(package: &str, why: &str) -> Result<()> {
    let is_root = read(program("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !is_root || find("apt-get").is_none() {
        bail!(
            "{why} needs {package}, which is not on the PATH; install it \
             (Debian, Ubuntu: sudo apt-get install {package})"
        );
    }
    let apt = || {
        let mut command = program("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run(apt().args(["update", "--quiet"]))?;
    run(apt().args(["install", "--yes", "--quiet", "--no-install-recommends", package]))
}
