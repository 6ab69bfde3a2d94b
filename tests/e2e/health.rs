//! Health, log lines and traces of a running instance.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use daybook_tests::binary::Binary;
use daybook_tests::instance::{Instance, OPERATOR_KEY, agent, write_config};
use daybook_tests::wait;
use serde_json::Value;

const PAYMENT: &str = include_str!("../fixtures/payment.json");
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const LIMIT: Duration = Duration::from_secs(60);

fn settings(instance: &Instance) -> Result<()> {
    instance.append("settings", "acme", "{\"currency\":\"USD\"}")
}

#[test]
fn health_from_the_start_to_the_end_of_draining() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let instance = Instance::run(&Binary::under_test()?, &write_config(folder.path(), "127.0.0.1:0")?)?;
    ensure!(instance.get("/livez")?.status == 200, "it is alive as soon as it listens");
    wait::until("the instance to be ready", LIMIT, || {
        let answer = instance.get("/readyz")?;
        ensure!(answer.status == 200 || answer.body.contains("not_ready"), "{answer:?}");
        Ok((answer.status == 200).then_some(()))
    })?;
    ensure!(instance.metric("daybook_ready")? == 1, "the metric says the same");

    // A request whose body is under way when the end is asked for.
    let address = instance.base.trim_start_matches("http://").to_owned();
    let mut open = TcpStream::connect(&address)?;
    let head = format!(
        "POST /ops/projects/acme/sources/shop/track HTTP/1.1\r\nhost: daybook\r\nx-api-key: {OPERATOR_KEY}\r\n\
         expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        PAYMENT.len()
    );
    open.write_all(head.as_bytes())?;
    // It asks for the body, so it is at work on the request.
    let mut go_on = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    open.read_exact(&mut go_on)?;
    ensure!(go_on.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&go_on));
    let sent = Command::new("sh").args(["-c", &format!("kill -TERM {}", instance.id())]).status()?;
    ensure!(sent.success(), "failed to signal the process");
    wait::until("new connections to be refused", LIMIT, || {
        Ok(TcpStream::connect(&address).is_err().then_some(()))
    })?;
    open.write_all(PAYMENT.as_bytes())?;
    let mut answer = String::new();
    open.read_to_string(&mut answer)?;
    // Without settings the currency is missing or not: whatever the answer, it is one.
    ensure!(answer.starts_with("HTTP/1.1 202") || answer.starts_with("HTTP/1.1 422"), "{answer}");
    let (code, said) = instance.ended()?;
    ensure!(code == Some(0), "it ended with {code:?}\n{said}");
    Ok(())
}

/// Checks that each line is one JSON object as docs/reference/logging.md describes it; the lines.
fn lines(said: &str) -> Result<Vec<Value>> {
    said.lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).with_context(|| format!("no JSON: {line}"))?;
            let time = line["timestamp"].as_str().unwrap_or_default();
            ensure!(time.parse::<jiff::Timestamp>().is_ok(), "no timestamp: {line}");
            let levels = ["ERROR", "WARN", "INFO", "DEBUG", "TRACE"];
            ensure!(levels.iter().any(|level| line["level"] == *level), "no level: {line}");
            ensure!(line["target"].is_string(), "no target: {line}");
            ensure!(line["fields"]["message"].is_string(), "no message: {line}");
            Ok(line)
        })
        .collect()
}

#[test]
fn log_lines_are_json_objects_without_keys_and_traces_go_from_request_to_entry() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = write_config(folder.path(), "127.0.0.1:0")?;
    let text = std::fs::read_to_string(&config)?;
    std::fs::write(&config, text + "filter = \"debug\"\n")?;
    let instance = Instance::run(&Binary::under_test()?, &config)?;
    settings(&instance)?;
    let traceparent = format!("00-{TRACE}-b7ad6b7169203331-01");
    let url = format!("{}/ops/projects/acme/sources/shop/track?apiKey={OPERATOR_KEY}", instance.base);
    let mut answer = agent().post(&url).header("traceparent", &traceparent).send(PAYMENT)?;
    ensure!(answer.status() == 202, "{}", answer.body_mut().read_to_string()?);
    let wrong = format!("{}/metrics?apiKey=not-{OPERATOR_KEY}", instance.base);
    ensure!(agent().get(&wrong).call()?.status() == 401, "a wrong key opens something");
    instance.settle()?;

    for topic in ["journal", "ledger.entries"] {
        let records = instance.records(topic)?;
        let traced = records.iter().filter(|record| record.header("traceparent") == Some(&traceparent));
        ensure!(traced.count() > 0, "the trace does not reach {topic}: {records:?}");
    }

    let said = wait::until("the requests to be logged", LIMIT, || {
        let said = instance.said();
        Ok(said.contains("request refused").then_some(said))
    })?;
    ensure!(!said.contains(OPERATOR_KEY), "a key is in the log");
    let lines = lines(&said)?;
    let track = lines.iter().find(|line| line["span"]["trace_id"] == TRACE);
    let track = track.with_context(|| format!("no line of the trace in\n{said}"))?;
    ensure!(track["span"]["name"] == "http_request" && track["span"]["method"] == "POST", "{track}");
    let refused =
        lines.iter().find(|line| line["fields"]["message"] == "request refused").context("no refusal")?;
    ensure!(refused["fields"]["status"] == 401 && refused["span"]["path"] == "/metrics", "{refused}");
    ensure!(refused["span"].get("trace_id").is_none(), "a trace of a request without one: {refused}");
    instance.stop()
}

#[test]
fn what_is_no_line_of_the_log_is_noticed() {
    let good =
        r#"{"timestamp":"2026-01-20T10:00:00.5Z","level":"INFO","target":"a","fields":{"message":"m"}}"#;
    assert!(lines(good).is_ok());
    for (part, instead) in [
        ("{\"timestamp", "text {\"timestamp"),
        ("2026-01-20T", "yesterday "),
        ("INFO", "LOUD"),
        ("\"target\":\"a\",", ""),
        ("message", "text"),
    ] {
        assert!(lines(&good.replacen(part, instead, 1)).is_err(), "{instead}");
    }
}
