//! Python, with what `tests/python/requirements.txt` names.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// Names the interpreter of the environment that has it all.
const PYTHON: &str = "DAYBOOK_TEST_PYTHON";

/// The interpreter.
///
/// # Errors
/// The environment names none.
pub fn interpreter() -> Result<PathBuf> {
    let named = std::env::var_os(PYTHON).map(PathBuf::from);
    named.with_context(|| format!("{PYTHON} is not set; `cargo xtask ci` makes the environment and sets it"))
}

/// A script of `tests/python`, to be run.
///
/// # Errors
/// The environment names no interpreter.
pub fn script(name: &str) -> Result<Command> {
    let mut command = Command::new(interpreter()?);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name));
    Ok(command)
}
