//! What ends in the books: the seeds' payloads by kcat, generated charges against the model, the same as by `process`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use daybook_tests::binary::Binary;
use daybook_tests::books::Books;
use daybook_tests::formats::{CHARGES, PROJECTED, SETTINGS, SPEND};
use daybook_tests::kafka::{Broker, Deployment, disturb, feed, records};
use daybook_tests::traffic::process;
use serde_json::{Value, json};

const PAYMENT: &str = include_str!("../fixtures/payment.json");
const REFUND: &str = include_str!("../fixtures/refund.json");

/// A body on one line, as kcat takes records.
fn line(body: &str) -> Result<String> {
    let body: Value = serde_json::from_str(body)?;
    Ok(format!("{body}\n"))
}

#[test]
fn the_seeds_payloads_by_kcat() -> Result<()> {
    let (broker, binary) = (Broker::under_test()?, Binary::under_test()?);
    let folder = tempfile::tempdir()?;
    let deployment = Deployment::new(&broker, &binary, folder.path(), "seeds")?;
    let settings = folder.path().join("projects.toml");
    fs::write(
        &settings,
        "[acme]\ncurrency = \"USD\"\n[printed]\ncurrency = \"USD\"\n[other]\ncurrency = \"USD\"\n",
    )?;
    let file = settings.to_str().context("a path that is no text")?;
    let applied = deployment.run("settings", &["settings", "apply", "--file", file])?;
    ensure!(
        applied.with(0)?.stdout
            == ["acme", "other", "printed"]
                .map(|project| format!("{project}: applied\n  currency: USD (new)\n"))
                .concat(),
        "{}",
        applied.stdout
    );
    let again = deployment.run("settings", &["settings", "apply", "--file", file])?;
    ensure!(
        again.with(0)?.stdout == "acme: unchanged\nother: unchanged\nprinted: unchanged\n",
        "{}",
        again.stdout
    );

    let topic = deployment.topic("charges");
    let produce = |project: &str, body: &str| {
        let header = format!("daybook-project={project}");
        let arguments =
            ["-P", "-t", &topic, "-k", "user@example.com", "-H", &header, "-H", "traceparent=00-1-2-01"];
        broker.kcat(&arguments, Some(&line(body)?))
    };
    // As printed both have one id, so the refund is another event of the same name; with an id of its own it counts.
    let own_id = REFUND.replace("uuid-generated-event-id", "7c9e6679-7425-40de-944b-e07fc1f90ae7");
    for (project, body) in [("printed", PAYMENT), ("printed", REFUND), ("acme", PAYMENT), ("acme", &own_id)] {
        produce(project, body)?;
    }
    produce("acme", "{\"track\":[]}")?;
    // A header's name may be any bytes: no reason to stop, whatever comes of the record.
    let odd = OsStr::from_bytes(b"\xff=1");
    let plain =
        ["-P", "-t", &topic, "-k", "user@example.com", "-H", "daybook-project=other", "-H"].map(OsStr::new);
    broker.kcat(&[&plain[..], &[odd]].concat(), Some(&line(PAYMENT)?))?;
    let instance = deployment.start("a")?;
    deployment.settle()?;
    deployment.verify()?;

    let mut kinds = Vec::new();
    for record in records(&deployment, "ledger.entries")? {
        let entry: Value = serde_json::from_str(record.payload.as_deref().unwrap_or_default())?;
        ensure!(record.key.as_deref() == entry["project_id"].as_str(), "{record:?}");
        let traced = (entry["project_id"] != "other").then_some("00-1-2-01");
        ensure!(record.header("traceparent") == traced, "the trace ends before the entry: {record:?}");
        kinds.push((
            entry["project_id"].to_string(),
            entry["entry_number"].as_u64(),
            entry["kind"].to_string(),
        ));
    }
    kinds.sort();
    let expected =
        [("acme", 1, "payment"), ("acme", 2, "refund"), ("other", 1, "payment"), ("printed", 1, "payment")];
    let expected = expected.map(|(p, n, kind)| (format!("\"{p}\""), Some(n), format!("\"{kind}\"")));
    ensure!(kinds == expected, "{kinds:?}");

    let mut days: Vec<(String, Value)> = Vec::new();
    for record in records(&deployment, "revenue.daily")? {
        let row: Value = serde_json::from_str(record.payload.as_deref().unwrap_or_default())?;
        days.retain(|(key, _)| Some(key) != record.key.as_ref());
        days.push((record.key.unwrap_or_default(), row));
    }
    let net = |project: &str| {
        let row = days.iter().find(|(key, _)| key.starts_with(project));
        row.map(|(_, row)| (row["gross_sales_minor"].clone(), row["net_revenue_minor"].clone()))
    };
    ensure!(net("acme/") == Some((json!(27_128), json!(26_028))), "{days:?}");
    ensure!(net("printed/") == Some((json!(27_128), json!(27_128))), "{days:?}");

    check_letters(&deployment, &topic)?;
    instance.stop()
}

/// The headers of contracts.md, and those of the record.
fn check_letters(deployment: &Deployment, topic: &str) -> Result<()> {
    let mut letters = records(deployment, "charges.dlq")?;
    letters.sort_by_key(|letter| letter.header("daybook-reason").map(str::to_owned));
    let reasons: Vec<_> = letters.iter().map(|letter| letter.header("daybook-reason")).collect();
    ensure!(reasons == [Some("empty_envelope"), Some("event_id_conflict")], "{reasons:?}");
    let (empty, conflict) = (&letters[0], &letters[1]);
    ensure!(empty.payload.as_deref() == Some("{\"track\":[]}"), "the record as received: {empty:?}");
    ensure!(empty.key.as_deref() == Some("user@example.com"), "{empty:?}");
    for (name, value) in [
        ("daybook-project", "acme"),
        ("daybook-path", "track"),
        ("traceparent", "00-1-2-01"),
        ("__streams.errors.topic", topic),
        ("__streams.errors.exception", "daybook.empty_envelope"),
    ] {
        ensure!(empty.header(name) == Some(value), "{name}: {empty:?}");
    }
    for name in ["__streams.errors.message", "__streams.errors.partition", "__streams.errors.offset"] {
        ensure!(empty.header(name).is_some_and(|value| !value.is_empty()), "{name}: {empty:?}");
    }
    ensure!(
        conflict.header("daybook-canonical") == Some("true"),
        "only the projector can tell: {conflict:?}"
    );
    ensure!(conflict.header("__streams.errors.topic") == Some(topic), "{conflict:?}");
    Ok(())
}

#[test]
fn two_hundred_thousand_charges_over_four_partitions_end_in_what_the_model_says() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (broker, binary) = (Broker::under_test()?, Binary::under_test()?);
    // More events than records: an envelope holds up to three.
    disturb::calm(&broker, &binary, folder.path(), 165_000, 4).map(drop)
}

#[test]
fn the_same_as_by_process() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (broker, binary) = (Broker::under_test()?, Binary::under_test()?);
    let (deployment, all) = disturb::calm(&broker, &binary, folder.path(), 10_000, 1)?;
    // One partition of charges, so that both have one order. What Kafka holds goes through `process`, as kcat prints it.
    let (charges, out) = (folder.path().join("charges.jsonl"), folder.path().join("processed"));
    fs::write(&charges, broker.kcat(&["-C", "-t", &deployment.topic("charges"), "-e", "-q", "-J"], None)?)?;
    process(&binary, &charges, &out, &["--input-format", "kcat"])?.with(0)?;
    let (on_kafka, by_process) = (Books::in_folder(&folder.path().join("books")), Books::in_folder(&out));
    daybook_tests::totals::compare(&by_process, &feed::model(&all).0)?;
    for topic in ["ledger.entries", "revenue.daily", "accounts.balances", "rewards.balances"] {
        let (left, right) = (timeless(&on_kafka, topic)?, timeless(&by_process, topic)?);
        ensure!(!left.is_empty(), "{topic} is empty");
        for (key, records) in &left {
            let expected = right.get(key);
            ensure!(Some(records) == expected, "{topic} {key}: {records:?} instead of {expected:?}");
        }
        ensure!(left.len() == right.len(), "{topic}: {} keys instead of {}", left.len(), right.len());
    }
    Ok(())
}

#[test]
fn every_format_and_every_output_as_by_process() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (broker, binary) = (Broker::under_test()?, Binary::under_test()?);
    let deployment = Deployment::with_charges(&broker, &binary, folder.path(), "formats", 1)?;
    let settings = folder.path().join("projects.toml");
    fs::write(&settings, SETTINGS)?;
    let file = settings.to_str().context("a path that is no text")?;
    deployment.run("settings", &["settings", "apply", "--file", file])?.with(0)?;
    let inputs = [("charges", &CHARGES[..]), ("spend", &SPEND[..])];
    for (topic, lines) in inputs {
        let produce = ["-P", "-t", &deployment.topic(topic), "-H", "daybook-project=acme"];
        broker.kcat(&produce, Some(&(lines.join("\n") + "\n")))?;
    }
    let instance = deployment.start("a")?;
    deployment.settle()?;
    deployment.verify()?;
    let listed = deployment.run("a", &["dlq", "list", "--topic", "spend", "--json"])?;
    let letter: Value = serde_json::from_str(&listed.with(0)?.stdout)?;
    ensure!(letter["reason"] == "amount_out_of_range" && letter["path"] == "spend_amount", "{letter}");
    let corrected = folder.path().join("corrected.json");
    fs::write(&corrected, SPEND[2].replace("-1", "1"))?;
    let with = corrected.to_str().context("a path that is no text")?;
    let place = letter["letter"].as_str().unwrap_or_default();
    deployment.run("a", &["dlq", "replay", place, "--with", with])?.with(0)?;
    deployment.settle()?;
    deployment.verify()?;
    instance.stop()?;

    let mut process = vec!["process".to_owned(), "--input-format".to_owned(), "kcat".to_owned()];
    for (topic, _) in inputs {
        let path = folder.path().join(format!("{topic}.jsonl"));
        fs::write(&path, broker.kcat(&["-C", "-t", &deployment.topic(topic), "-e", "-q", "-J"], None)?)?;
        process.extend([format!("--{topic}"), path.display().to_string()]);
    }
    let out = folder.path().join("processed");
    process.extend(["--settings".to_owned(), file.to_owned(), "--out".to_owned(), out.display().to_string()]);
    binary.run(&process)?.with(0)?;
    for topic in PROJECTED {
        let right = timeless(&Books::in_folder(&out), topic)?;
        let mut left: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let last_counts = !["ledger.entries", "rewards.points", "revenue.allocations"].contains(&topic);
        for record in records(&deployment, topic)? {
            let value = serde_json::from_str(record.payload.as_deref().unwrap_or_default())?;
            let of_key = left.entry(record.key.unwrap_or_default()).or_default();
            if last_counts {
                of_key.clear();
            }
            of_key.push(value);
        }
        // Spend and charges are in the journal in another order.
        let comparable = |mut records: BTreeMap<String, Vec<Value>>| {
            records.values_mut().flatten().for_each(|value| strip(value, &["journal_sequence"]));
            records.values_mut().flatten().for_each(|value| strip(value, &TIMES));
            records
        };
        let (left, right) = (comparable(left), comparable(right));
        ensure!(!left.is_empty() && left == right, "{topic}: {left:#?}\ninstead of\n{right:#?}");
    }
    for topic in ["charges.dlq", "spend.dlq"] {
        let letters = records(&deployment, topic)?;
        let reasons: Vec<_> = letters.iter().map(|letter| letter.header("daybook-reason")).collect();
        let expected = if topic == "spend.dlq" { "amount_out_of_range" } else { "unknown_kind" };
        ensure!(reasons == [Some(expected)], "{topic}: {reasons:?}");
    }
    Ok(())
}

/// What depends on when a record was taken.
const TIMES: [&str; 3] = ["recorded_at", "previous_hash", "as_of"];

fn strip(value: &mut Value, fields: &[&str]) {
    for field in fields {
        value.as_object_mut().and_then(|members| members.remove(*field));
    }
}

/// A topic's records by key, without what depends on when they were taken.
fn timeless(books: &Books, topic: &str) -> Result<BTreeMap<String, Vec<Value>>> {
    let mut records: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for line in books.lines(topic)? {
        let mut value = line.value;
        strip(&mut value, &TIMES);
        records.entry(line.key).or_default().push(value);
    }
    Ok(records)
}

#[test]
fn state_that_is_lost_is_made_anew_without_publishing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (broker, binary) = (Broker::under_test()?, Binary::under_test()?);
    let (deployment, all) = disturb::calm(&broker, &binary, folder.path(), 3_000, 4)?;
    let count = || records(&deployment, "ledger.entries").map(|records| records.len());
    let before = count()?;
    fs::remove_dir_all(folder.path().join("state-a"))?;
    let instance = deployment.start("a")?;
    // Sent once more: all of them duplicates, which only a restored state knows.
    feed::Feed::new(&deployment)?.send(&all)?;
    deployment.settle()?;
    deployment.verify()?;
    ensure!(count()? == before, "{} entries instead of {before}", count()?);
    instance.stop()?;
    ensure!(Path::new(&folder.path().join("state-a")).is_dir(), "no state was kept");
    Ok(())
}
