//! Checks that must notice a product that is broken on purpose.

#![allow(
    clippy::print_stdout,
    reason = "what a check said of the broken product belongs into a failed test's output"
)]

use std::path::Path;

use anyhow::{Result, bail, ensure};

use crate::binary::Binary;

/// Without a control (or with one that the product must get over) the check must pass, with it it must fail, and for
/// the reason that was meant.
///
/// # Errors
/// The check fails for a product that works, or is content with the broken one.
pub fn notices(
    passing: Option<&'static str>,
    control: &'static str,
    because: &str,
    check: impl Fn(&Binary, &Path) -> Result<()>,
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    check(&Binary::broken_by(passing)?, folder.path())?;
    let folder = tempfile::tempdir()?;
    let Err(error) = check(&Binary::broken_by(Some(control))?, folder.path()) else {
        bail!("nothing was noticed of {control}");
    };
    let said = format!("{error:#}");
    println!("{control}: {said}");
    ensure!(said.contains(because), "{control} was noticed for another reason: {said}");
    Ok(())
}
