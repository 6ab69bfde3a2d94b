//! Dead letters on Kafka: put back while instances run.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use daybook_tests::binary::Binary;
use daybook_tests::instance::Instance;
use daybook_tests::kafka::{Broker, Deployment, KcatRecord, records};
use serde_json::Value;

/// A record of `charges` by kcat; its partition is the key's.
fn send(deployment: &Deployment, key: &str, value: &str) -> Result<()> {
    let topic = deployment.topic("charges");
    let line = format!("{key}|{value}");
    let header = ["-H", "daybook-project=acme", "-H", "traceparent=00-1-2-01"];
    let arguments = [&["-P", "-t", &topic, "-K", "|"], &header[..]].concat();
    deployment.broker.kcat(&arguments, Some(&line)).map(drop)
}

fn event(id: &str, data: &str) -> String {
    format!(
        r#"{{"track":[{{"name":"Charge","payload":[{{"eventId":"{id}","userId":"ann@example.com","data":{{"status":"succeeded",{data}}}}}]}}]}}"#
    )
}

fn ids(deployment: &Deployment) -> Result<Vec<String>> {
    let entries = records(deployment, "ledger.entries")?;
    let id = |record: &KcatRecord| -> Result<String> {
        let entry: Value = serde_json::from_str(record.payload.as_deref().unwrap_or_default())?;
        Ok(entry["event_id"].as_str().unwrap_or_default().to_owned())
    };
    let mut ids = entries.iter().map(id).collect::<Result<Vec<_>>>()?;
    ids.sort();
    Ok(ids)
}

#[test]
fn dead_letters_are_put_back_while_instances_run() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let deployment = Deployment::new(&Broker::under_test()?, &Binary::under_test()?, folder.path(), "dlq")?;
    let instance = deployment.start("a")?;
    for n in 0..8 {
        send(&deployment, &format!("k{n}"), &event(&format!("e{n}"), r#""amount":"2.50""#))?;
    }
    send(&deployment, "k8", &event("e8", r#""amount":"0.001","currency":"USD""#))?;
    deployment.settle()?;
    let run = |arguments: &[&str]| {
        Ok::<_, anyhow::Error>(deployment.run("ops", arguments)?.with(0)?.stdout.clone())
    };
    let listed = run(&["dlq", "list", "--json", "--reason", "currency_missing"])?;
    ensure!(listed.lines().count() == 8, "{listed}");
    let listed = run(&["dlq", "list", "--json", "--reason", "excess_precision"])?;
    let letter: Value = serde_json::from_str(&listed).context("list prints no JSON")?;
    let place = letter["letter"].as_str().context("no letter")?;
    let value = run(&["dlq", "show", place, "--value"])?;
    ensure!(value.contains("0.001"), "{value}");

    let settings = folder.path().join("settings.toml");
    std::fs::write(&settings, "[acme]\ncurrency = \"USD\"\n")?;
    run(&["settings", "apply", "-f", &settings.to_string_lossy()])?;
    deployment.settle()?;
    // Settings are read before charges by whoever has both; they are in force once they are journalled.
    daybook_tests::wait::until("the settings to be journalled", std::time::Duration::from_secs(60), || {
        Ok((deployment.published()? >= 10).then_some(()))
    })?;
    let corrected = folder.path().join("corrected.json");
    std::fs::write(&corrected, value.replace("0.001", "0.01"))?;
    let said = run(&["dlq", "replay", place, "--with", &corrected.to_string_lossy()])?;
    ensure!(said.contains("1 record put back"), "{said}");
    for _ in 0..2 {
        let said = run(&["dlq", "replay", "--reason", "currency_missing"])?;
        ensure!(said.contains("8 records put back"), "{said}");
        deployment.settle()?;
        let expected: Vec<String> = (0..9).map(|n| format!("e{n}")).collect();
        ensure!(ids(&deployment)? == expected, "{:?}", ids(&deployment)?);
    }
    let charges = records(&deployment, "charges")?;
    let put_back: Vec<_> = charges.iter().filter(|r| r.header("daybook-replayed").is_some()).collect();
    ensure!(put_back.len() == 17, "{put_back:?}");
    for record in put_back {
        ensure!(record.header("traceparent") == Some("00-1-2-01"), "{record:?}");
        ensure!(record.header("daybook-reason").is_none(), "{record:?}");
    }
    instance.stop()?;
    deployment.verify()
}

/// What only the projector could refuse, and is gone from its topic, goes back event by event as it was refused.
#[test]
fn of_a_record_that_is_gone_the_canonical_events_are_put_back() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (broker, binary) = (Broker::under_test()?, Binary::under_test()?);
    let deployment = Deployment::new(&broker, &binary, folder.path(), "gone")?;
    let instance = deployment.start("a")?;
    let item = |amount: &str| {
        format!(
            r#"{{"eventId":"e1","userId":"ann@example.com","data":{{"status":"succeeded","amount":"{amount}"}}}}"#
        )
    };
    let twice = format!(r#"{{"track":[{{"name":"Charge","payload":[{},{}]}}]}}"#, item("1"), item("2"));
    send(&deployment, "k", &twice)?;
    deployment.settle()?;
    instance.stop()?;
    // Another topic in its place: as far as this configuration goes, the record is nowhere.
    let other = deployment.topic("charges-anew");
    broker.topic(&other, 1)?;
    let config = deployment.config("moved")?;
    let place = format!("charges_partitions = 4\ntopics = {{ charges = \"{other}\" }}");
    std::fs::write(&config, std::fs::read_to_string(&config)?.replace("charges_partitions = 4", &place))?;
    let config = config.to_string_lossy().into_owned();
    let run = |line: &str| -> Result<String> {
        let ended = binary.run(line.split(' ').chain(["--config", &config]))?;
        Ok(ended.with(0)?.stdout.clone())
    };
    let listed = run("dlq list --json")?;
    let first: Value = serde_json::from_str(listed.lines().next().context("no letters")?)?;
    let shown = run(&format!("dlq show {}", first["letter"].as_str().unwrap_or_default()))?;
    ensure!(shown.contains("gone from its topic"), "{shown}");
    let said = run("dlq replay --all")?;
    ensure!(said.contains("2 records put back"), "{said}");
    let put_back = records(&deployment, "charges-anew")?;
    let events: Vec<Value> = put_back
        .iter()
        .map(|record| serde_json::from_str(record.payload.as_deref().unwrap_or_default()))
        .collect::<Result<_, _>>()?;
    ensure!(events.len() == 2, "{put_back:?}");
    for (line, (event, record)) in events.iter().zip(&put_back).enumerate() {
        ensure!(event["kind"] == "payment" && event["eventLine"] == line, "{event}");
        ensure!(record.header("daybook-project") == Some("acme"), "{record:?}");
        ensure!(record.header("daybook-canonical") == Some("true"), "intake has to know: {record:?}");
    }
    // They are read as they were: each with its line, and with the time of the record for want of their own.
    let projects = folder.path().join("projects.toml");
    std::fs::write(&projects, "[acme]\ncurrency = \"USD\"\n")?;
    run(&format!("settings apply -f {}", projects.display()))?;
    let instance = Instance::run(&binary, Path::new(&config))?;
    daybook_tests::wait::until("both to be in the books", std::time::Duration::from_secs(60), || {
        Ok((ids(&deployment)? == ["e1", "e1"]).then_some(()))
    })?;
    instance.stop()
}
