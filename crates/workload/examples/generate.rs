//! Writes records, a line each: `cargo run --release -p daybook-workload --example generate 200000 [values]`.
//!
//! As `kcat -J` prints them, or with `values` the values alone, all of one project (records that are no text or hold a
//! line break can't be written so and are left out).

// The records are what it is asked for.
#![allow(clippy::print_stdout)]

use std::io::Write;

use daybook_workload::{Options, Workload};

fn main() -> std::io::Result<()> {
    let records = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(10_000);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if std::env::args().nth(2).is_some_and(|a| a == "values") {
        // Without a record timestamp an event of the far future would move the clock of all that follow.
        let options = Options { projects: vec!["acme".to_owned()], bad_percent: 0, ..Options::default() };
        let lines = Workload::new(options);
        let lines = lines.records(0..records).filter(|r| !r.value.contains(&b'\n'));
        for record in lines.filter(|r| std::str::from_utf8(&r.value).is_ok()) {
            out.write_all(&record.value)?;
            out.write_all(b"\n")?;
        }
        return out.flush();
    }
    for record in Workload::new(Options::default()).records(0..records) {
        let payload = serde_json::to_string(&String::from_utf8_lossy(&record.value))?;
        writeln!(
            out,
            "{{\"topic\":\"charges\",\"partition\":0,\"offset\":{},\"tstype\":\"create\",\"ts\":{},\
             \"headers\":[\"daybook-project\",\"{}\"],\"key\":\"{}\",\"payload\":{payload}}}",
            record.index, record.timestamp_ms, record.project, record.key
        )?;
    }
    out.flush()
}
