//! Apache Kafka from Maven Central: downloaded once, for all folders.

use std::ffi::OsString;
use std::fs::{create_dir_all, rename};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::lock;
use crate::command::{program, root, target_folder};
use crate::tools;

/// Of the files beside this package's sources.
const POM: &str = include_str!("../../kafka/pom.xml");

/// Kafka's version.
pub fn version() -> Result<&'static str> {
    let value = POM.split_once("<kafka.version>").and_then(|(_, rest)| rest.split_once("</kafka.version>"));
    value.map(|(version, _)| version).context("kafka/pom.xml names no kafka.version")
}

/// A file that belongs to this package.
pub fn file(name: &str) -> PathBuf {
    root().join("xtask/kafka").join(name)
}

/// The jars, if they are there.
pub fn find() -> Result<Option<PathBuf>> {
    let folder = folder()?;
    Ok(folder.is_dir().then_some(folder))
}

/// The jars; what is not there yet is downloaded.
pub fn provide() -> Result<PathBuf> {
    let folder = folder()?;
    if folder.is_dir() {
        return Ok(folder);
    }
    let parent = folder.parent().context("the jars' folder has no parent")?;
    create_dir_all(parent).with_context(|| format!("failed to make {}", parent.display()))?;
    let _lock = lock::exclusive(&parent.join("lock"))?;
    // Another process may have been at it.
    if !folder.is_dir() {
        download(parent, &folder)?;
    }
    Ok(folder)
}

/// The folder appears whole or not at all. What is on the way has a name that nobody else uses: where this process is
/// killed, Maven may run on.
fn download(parent: &Path, folder: &Path) -> Result<()> {
    let part =
        tempfile::Builder::new().prefix("part-").tempdir_in(parent).context("failed to make a folder")?;
    let jars = part.path().join("jars");
    println!("downloading Apache Kafka {}", version()?);
    let mut maven = program(tools::maven()?);
    maven.args(["--quiet", "--batch-mode", "-Dstyle.color=never", "--file"]).arg(file("pom.xml"));
    maven.args(["dependency:copy-dependencies", "-DincludeScope=runtime"]);
    let mut target = OsString::from("-DoutputDirectory=");
    target.push(&jars);
    // It prints its errors where others print results, and codes of colours even so.
    let output = maven.arg(target).output().context("failed to start mvn")?;
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "failed to download Apache Kafka: mvn ended with {}\n{said}",
        output.status
    );
    rename(jars, folder).with_context(|| format!("failed to make {}", folder.display()))
}

fn folder() -> Result<PathBuf> {
    Ok(target_folder()?.join("kafka-jars").join(version()?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_pom_names_a_version() {
        let numbers = super::version().map(|version| version.split('.').map(str::parse::<u32>).count());
        assert_eq!(numbers.ok(), Some(3));
    }
}
