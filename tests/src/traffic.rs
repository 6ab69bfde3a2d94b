//! Records of the workload, as files and as what they hold.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use daybook_sim::model::{Input, Totals, expected};
use daybook_workload::{Options, Workload};
use serde_json::{Value, json};

use crate::binary::{Binary, Ended};
use crate::books::Books;

/// Suffix of a project's test books.
const TEST_SUFFIX: &str = "~test";

/// A payload item by what makes it the same as another: books, event id and line.
pub type Identity = (String, String, u64);

/// Processes `records` records of the default workload and compares the books with the model.
///
/// # Errors
/// The command fails, the books differ from the model, or there are less than `events_min` events.
pub fn check_processing(binary: &Binary, folder: &Path, records: u64, events_min: u64) -> Result<Books> {
    let (file, out) = (folder.join("charges.jsonl"), folder.join("books"));
    let totals = write(&file, records)?;
    let events = totals.accepted + totals.duplicates + totals.dead_letters.values().sum::<u64>();
    ensure!(events >= events_min, "{records} records hold only {events} events");
    process(binary, &file, &out, &["--input-format", "kcat"])?.with(0)?;
    let books = Books::in_folder(&out);
    let read = books.summary()?["events_read"].as_u64();
    ensure!(read == Some(events), "{read:?} events read, {events} written");
    crate::totals::compare(&books, &totals)?;
    Ok(books)
}

/// Runs `daybook process` on a file.
///
/// # Errors
/// The command can't be run.
pub fn process(binary: &Binary, charges: &Path, out: &Path, more: &[&str]) -> Result<Ended> {
    let mut command = binary.command();
    command.arg("process").arg("--charges").arg(charges).arg("--out").arg(out).args(more);
    crate::binary::finish(&mut command)
}

/// Writes records of the default workload as `kcat -J` prints them, and says what they must end in.
fn write(file: &Path, records: u64) -> Result<Totals> {
    let workload = Workload::new(Options::default());
    let mut lines = std::io::BufWriter::new(std::fs::File::create(file)?);
    let mut inputs = Vec::new();
    for record in workload.records(0..records) {
        // What kcat prints is text, so both sides get the text.
        let value = String::from_utf8_lossy(&record.value).into_owned();
        let line = json!({
            "topic": "charges", "partition": 0, "offset": record.index, "tstype": "create",
            "ts": record.timestamp_ms, "broker": 1, "key": record.key, "payload": value,
            "headers": ["daybook-project", record.project, "daybook-source", record.source],
        });
        writeln!(lines, "{line}")?;
        inputs.push((record.project, value, record.timestamp_ms));
    }
    lines.flush()?;
    Ok(expected(inputs.iter().map(|(project, value, timestamp_ms)| Input {
        project,
        value: value.as_bytes(),
        timestamp_ms: *timestamp_ms,
    })))
}

/// The payload items of a body that an answer of the Track API has not refused.
///
/// # Errors
/// Answer and body do not fit each other.
pub fn accepted_items(project: &str, body: &[u8], answer: &Value) -> Result<Vec<Identity>> {
    let refused: Vec<&str> = answer["rejected"]
        .as_array()
        .context("the answer has no list of what is refused")?
        .iter()
        .filter_map(|item| item["path"].as_str())
        .collect();
    let body: Value = serde_json::from_slice(body).context("a body that is no JSON was accepted")?;
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    let mut accepted = Vec::new();
    for (t, element) in body["track"].as_array().into_iter().flatten().enumerate() {
        for (p, item) in element["payload"].as_array().into_iter().flatten().enumerate() {
            let id = item["eventId"].as_str().unwrap_or_default();
            let line = lines.entry(id.to_owned()).or_default();
            let identity_line = *line;
            *line += 1;
            let at = [format!("track[{t}].payload[{p}]."), format!("track[{t}].name")];
            if !refused.iter().any(|path| path.starts_with(&at[0]) || *path == at[1]) {
                let books = match item["data"]["livemode"] {
                    Value::Bool(false) => format!("{project}{TEST_SUFFIX}"),
                    _ => project.to_owned(),
                };
                accepted.push((books, id.to_owned(), identity_line));
            }
        }
    }
    let counted = answer["accepted"].as_u64();
    ensure!(
        counted == Some(accepted.len() as u64),
        "{counted:?} accepted of {body}, but refused {refused:?}"
    );
    Ok(accepted)
}
