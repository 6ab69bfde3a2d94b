//! What `daybook process` writes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

/// A folder of books.
#[derive(Clone, Debug)]
pub struct Books(PathBuf);

/// A line of a topic's file.
#[derive(Clone, Debug, Deserialize)]
pub struct Line {
    /// The record's key.
    pub key: String,
    /// The record's value: JSON, or the text of what JSON can't hold.
    pub value: Value,
}

impl Books {
    /// The books in a folder.
    #[must_use]
    pub fn in_folder(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// All records of a topic, in order.
    ///
    /// # Errors
    /// The file can't be read, or is not as it should be.
    pub fn lines(&self, topic: &str) -> Result<Vec<Line>> {
        let path = self.file(topic);
        let text = fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        let parsed = text.lines().enumerate().map(|(index, line)| {
            serde_json::from_str(line).with_context(|| format!("{} line {}", path.display(), index + 1))
        });
        parsed.collect()
    }

    /// `summary.json`.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn summary(&self) -> Result<Value> {
        let path = self.0.join("summary.json");
        let text = fs::read(&path).with_context(|| format!("failed to read {}", path.display()))?;
        serde_json::from_slice(&text).with_context(|| format!("failed to read {}", path.display()))
    }

    /// Copies the books and lets `edit` change the lines of one topic.
    ///
    /// # Errors
    /// A file can't be read or written, or `edit` has changed nothing.
    pub fn forged(&self, into: &Path, topic: &str, edit: impl FnOnce(&mut Vec<String>)) -> Result<Self> {
        fs::create_dir_all(into)?;
        for file in fs::read_dir(&self.0)? {
            let file = file?;
            fs::copy(file.path(), into.join(file.file_name()))?;
        }
        let forged = Self(into.to_owned());
        let path = forged.file(topic);
        let before =
            fs::read_to_string(&path).with_context(|| format!("failed to read {}", path.display()))?;
        let mut lines: Vec<String> = before.lines().map(str::to_owned).collect();
        edit(&mut lines);
        let after: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        anyhow::ensure!(before != after, "the forgery of {topic} changes nothing");
        fs::write(&path, after)?;
        Ok(forged)
    }

    fn file(&self, topic: &str) -> PathBuf {
        self.0.join(format!("{topic}.jsonl"))
    }
}
