//! `cargo xtask deny`: licences and sources by `deny.toml`.

use anyhow::{Context, Result};

use crate::command;

/// Runs the command, or says how to install what it takes.
pub fn run() -> Result<()> {
    command::read(&mut command::cargo("deny --version"))
        .context("cargo-deny is not installed; `cargo install --locked cargo-deny` installs it")?;
    command::run(&mut command::cargo("deny --all-features check licenses sources"))
}
