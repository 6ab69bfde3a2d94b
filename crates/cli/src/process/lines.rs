//! Reading records from files: a value a line, or what `kcat -J` prints.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::Path;

use anyhow::{Context, anyhow};
use daybook_core::event::SourcePosition;
use daybook_stream::record::Record;
use daybook_wire::topic::Topic;
use serde::Deserialize;

use crate::args::InputFormat;
use crate::exit::{Exit, ExitWith};

/// A line of `kcat -J`.
#[derive(Deserialize)]
struct KcatLine {
    topic: String,
    partition: u32,
    offset: u64,
    #[serde(default)]
    ts: Option<i64>,
    /// Names and values in turn.
    #[serde(default)]
    headers: Vec<Option<String>>,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    payload: Option<String>,
}

/// Standard input instead of a file.
const STDIN: &str = "-";

/// Looks whether there is such a file, and leaves it closed: a pipe can be opened but once.
///
/// # Errors
/// Ends with [`Exit::Misconfigured`].
pub fn find(path: &Path) -> anyhow::Result<()> {
    if path.as_os_str() == STDIN {
        return Ok(());
    }
    std::fs::metadata(path).map(drop).map_err(|e| cannot_open(path, &e))
}

fn cannot_open(path: &Path, error: &std::io::Error) -> anyhow::Error {
    ExitWith::error(Exit::Misconfigured, anyhow!("failed to open {}: {error}", path.display()))
}

/// Hands every record of a file of `topic` to `take`, with its position and the bytes it took. Values are numbered by
/// `offset` over all files; what `kcat` prints has positions of its own. Empty lines are no records.
pub fn read(
    path: &Path,
    topic: Topic,
    format: InputFormat,
    offset: &mut u64,
    take: &mut dyn FnMut(&Record, SourcePosition, u64) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut reader: Box<dyn BufRead> = if path.as_os_str() == STDIN {
        Box::new(BufReader::new(stdin()))
    } else {
        let file = File::open(path).map_err(|e| cannot_open(path, &e))?;
        Box::new(BufReader::with_capacity(1 << 18, file))
    };
    let topic = topic.name().into();
    let (mut line, mut number) = (Vec::new(), 0_u64);
    let mut record = Record::default();
    let mut position = SourcePosition { topic, partition: 0, offset: 0, item: 0 };
    loop {
        line.clear();
        let bytes = reader
            .read_until(b'\n', &mut line)
            .with_context(|| format!("failed to read {}", path.display()))?;
        if bytes == 0 {
            return Ok(());
        }
        number += 1;
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        match format {
            InputFormat::Value => {
                record.value.clear();
                record.value.extend_from_slice(text);
                position.offset = *offset;
                *offset += 1;
            }
            InputFormat::Kcat => {
                let parsed: KcatLine = serde_json::from_slice(text).map_err(|e| {
                    let place = format!("{} line {number}: not a line of kcat -J: {e}", path.display());
                    ExitWith::error(Exit::Misconfigured, anyhow!(place))
                })?;
                (position, record) = from_kcat(parsed);
            }
        }
        take(&record, position.clone(), bytes as u64)?;
    }
}

fn from_kcat(line: KcatLine) -> (SourcePosition, Record) {
    let position =
        SourcePosition { topic: line.topic.into(), partition: line.partition, offset: line.offset, item: 0 };
    let headers = line.headers.chunks(2).filter_map(|pair| match pair {
        [Some(name), value] => Some((name.clone(), value.clone().unwrap_or_default().into_bytes())),
        _ => None,
    });
    let record = Record {
        key: line.key.unwrap_or_default().into(),
        value: line.payload.unwrap_or_default().into(),
        headers: headers.collect(),
        timestamp_ms: line.ts.filter(|ts| *ts >= 0),
    };
    (position, record)
}
