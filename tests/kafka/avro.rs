//! Avro with a real schema registry and Confluent's stock client in Python: every input, every output, and what goes wrong.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use daybook_tests::binary::{Binary, finish};
use daybook_tests::formats::{CHARGES, PROJECTED, SETTINGS, SPEND};
use daybook_tests::kafka::{Broker, Deployment, Registry, records};
use daybook_tests::{python, wait};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(60);

/// A place for a deployment's state, and the deployment.
fn planned(name: &str, registry: &Registry) -> Result<(tempfile::TempDir, Deployment)> {
    let folder = tempfile::tempdir()?;
    let (broker, binary) = (Broker::under_test()?, Binary::under_test()?);
    let mut deployment = Deployment::planned(&broker, &binary, folder.path(), name, 1)?;
    deployment.configure(&with(registry, ""));
    Ok((folder, deployment))
}

fn with(registry: &Registry, more: &str) -> String {
    format!("[registry]\nurl = \"{}\"\n{more}", registry.url)
}

/// Runs the Python client on lines of input; what it prints.
fn client(
    command: &str,
    deployment: &Deployment,
    registry: &Registry,
    topics: &[&str],
    input: &[Value],
) -> Result<String> {
    let mut python = python::script("books.py")?;
    python.args([command, &deployment.broker.bootstrap, &registry.url, deployment.prefix()]).args(topics);
    let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let lines: String = input.iter().map(|line| format!("{line}\n")).collect();
    let mut stdin = child.stdin.take().context("no standard input")?;
    let fed = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "the Python client ended with {}\n{said}", output.status);
    fed.join().map_err(|_| anyhow::anyhow!("not fed"))??;
    Ok(String::from_utf8(output.stdout)?)
}

/// Records of an input topic as the Python client takes them, by the schema that `charges` has for each format.
fn to_send(topic: &str, key: &str, record: &str) -> Result<Value> {
    let record: Value = serde_json::from_str(record)?;
    let (schema, subject) = match topic {
        "spend" => ("spend-event", "spend-value"),
        "settings" => ("settings", "settings-value"),
        _ if record.get("track").is_some() => ("track", "charges-daybook.input.TrackEnvelope"),
        _ if record.get("type").is_some() => {
            ("standard-transaction", "charges-daybook.input.StandardTransaction")
        }
        _ if record.get("event_type").is_some() => ("sales-event", "charges-daybook.input.SalesEvent"),
        _ => ("canonical-charge", "charges-value"),
    };
    let headers = json!({ "daybook-project": "acme" });
    Ok(json!({
        "topic": topic, "subject": subject, "schema": schema, "key": key, "headers": headers, "record": record
    }))
}

/// Sends bytes to `charges`.
fn send(deployment: &Deployment, values: &[Vec<u8>]) -> Result<()> {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", &deployment.broker.bootstrap).create()?;
    let topic = deployment.topic("charges");
    for value in values {
        let header = Header { key: "daybook-project", value: Some("acme") };
        let record =
            BaseRecord::to(&topic).key("k").payload(value).headers(OwnedHeaders::new().insert(header));
        producer.send(record).map_err(|(error, _)| error)?;
    }
    Ok(producer.flush(LIMIT)?)
}

/// Of an output topic what counts of each key, without what depends on when a record was taken.
fn comparable(topic: &str, records: impl Iterator<Item = (String, Value)>) -> BTreeMap<String, Vec<Value>> {
    let all_count = ["ledger.entries", "rewards.points", "revenue.allocations"].contains(&topic);
    let mut of_keys: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (key, mut value) in records {
        for field in ["recorded_at", "previous_hash", "as_of", "journal_sequence"] {
            value.as_object_mut().and_then(|members| members.remove(field));
        }
        let of_key = of_keys.entry(key).or_default();
        if !all_count {
            of_key.clear();
        }
        of_key.push(value);
    }
    of_keys
}

#[test]
fn every_format_and_every_output_as_in_json() -> Result<()> {
    let registry = Registry::under_test()?;
    let (folder, avro) = planned("avro", &registry)?;
    let applied = avro.run("topics", &["topics", "apply"])?;
    ensure!(applied.with(0)?.stdout.matches("registered schema").count() == 20, "{}", applied.stdout);
    let again = avro.run("topics", &["topics", "apply"])?;
    ensure!(again.with(0)?.stdout.matches("unchanged  schema").count() == 20, "{}", again.stdout);

    let settings: toml::Table = SETTINGS.parse()?;
    let settings = serde_json::to_string(&settings["acme"])?;
    let mut sent = vec![to_send("settings", "acme", &settings)?];
    // A kind that is none can't be written by the schema; an amount that is none can.
    let charges = CHARGES.map(|record| {
        record.replace(r#""kind":"donation","amount":"5""#, r#""kind":"goodwill","amount":"-5""#)
    });
    for record in &charges {
        sent.push(to_send("charges", "k", record)?);
    }
    for record in SPEND {
        sent.push(to_send("spend", "k", record)?);
    }
    client("produce", &avro, &registry, &[], &sent)?;
    let instance = avro.start("a")?;
    avro.settle()?;
    avro.verify()?;

    // The same in JSON, in a deployment of its own.
    let json_folder = tempfile::tempdir()?;
    let json = Deployment::with_charges(&avro.broker, &Binary::under_test()?, json_folder.path(), "json", 1)?;
    let file = folder.path().join("projects.toml");
    fs::write(&file, SETTINGS)?;
    json.run("settings", &["settings", "apply", "--file", file.to_str().context("no text")?])?.with(0)?;
    for (topic, lines) in [("charges", charges.join("\n")), ("spend", SPEND.join("\n"))] {
        let produce = ["-P", "-t", &json.topic(topic), "-H", "daybook-project=acme"];
        json.broker.kcat(&produce, Some(&(lines + "\n")))?;
    }
    let json_instance = json.start("a")?;
    json.settle()?;
    json_instance.stop()?;

    let topics = [&PROJECTED[..], &["projector.positions"]].concat();
    let mut read: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
    for line in client("consume", &avro, &registry, &topics, &[])?.lines() {
        let line: Value = serde_json::from_str(line)?;
        let text = |name: &str| line[name].as_str().map(str::to_owned).context("not text");
        read.entry(text("topic")?).or_default().push((text("key")?, line["value"].clone()));
    }
    for topic in PROJECTED {
        let left = comparable(topic, read.remove(topic).unwrap_or_default().into_iter());
        let mut right = Vec::new();
        for record in records(&json, topic)? {
            let value = serde_json::from_str(record.payload.as_deref().unwrap_or_default())?;
            right.push((record.key.unwrap_or_default(), value));
        }
        let right = comparable(topic, right.into_iter());
        ensure!(!left.is_empty() && left == right, "{topic}: {left:#?}\ninstead of\n{right:#?}");
    }
    ensure!(
        read.remove("projector.positions").is_some_and(|positions| !positions.is_empty()),
        "no positions"
    );

    // A dead letter is what was received; it is shown as what it means, and put back as it was.
    let list = avro.run("a", &["dlq", "list", "--topic", "charges", "--json"])?;
    let letter: Value = serde_json::from_str(list.with(0)?.stdout.trim())?;
    let place = letter["letter"].as_str().context("no letter")?;
    let shown = avro.run("a", &["dlq", "show", place])?;
    ensure!(shown.with(0)?.stdout.contains(r#""amount":"-5""#), "{}", shown.stdout);
    avro.run("a", &["dlq", "replay", place])?.with(0)?;
    avro.settle()?;
    let letters = records(&avro, "charges.dlq")?;
    ensure!(letters.len() == 2, "put back as it was, it is refused again: {letters:?}");
    the_page_verifies_the_chain(&avro, &registry, folder.path())?;
    instance.stop()
}

/// The script of the page is run as it stands, on these books and on books that somebody has changed.
fn the_page_verifies_the_chain(deployment: &Deployment, registry: &Registry, folder: &Path) -> Result<()> {
    let file = folder.join("chain.py");
    fs::write(&file, daybook_pages::block_run_by("tests/kafka/avro.rs")?)?;
    let run = |forged: bool| {
        let mut command = Command::new(python::interpreter()?);
        command.arg(&file).env("BOOTSTRAP_SERVERS", &deployment.broker.bootstrap);
        command.env("SCHEMA_REGISTRY_URL", &registry.url).env("TOPIC", deployment.topic("ledger.entries"));
        if forged {
            // As if the broker had given out another amount.
            let text = fs::read_to_string(&file)?;
            let changed = text.replace("= digest(entry)", "= digest({**entry, 'event_line': 7})");
            ensure!(changed != text, "the script has no digest(entry)");
            fs::write(&file, changed)?;
        }
        finish(&mut command)
    };
    let holds = run(false)?;
    ensure!(holds.with(0)?.stdout.contains("chain holds: acme,"), "{}", holds.stdout);
    let broken = run(true)?;
    ensure!(broken.with(1)?.stderr.contains("chain broken at acme 2"), "{}", broken.stderr);
    Ok(())
}

#[test]
fn what_is_not_as_its_schema_is_a_dead_letter() -> Result<()> {
    let registry = Registry::under_test()?;
    let (_folder, deployment) = planned("poison", &registry)?;
    deployment.run("topics", &["topics", "apply"])?.with(0)?;
    let framed = |id: u32, datum: &[u8]| [&[0][..], &id.to_be_bytes(), datum].concat();
    let subject = |name: &str| format!("{}{name}", deployment.prefix());
    let recursive = r#"{"type":"record","name":"R","fields":[{"name":"r","type":["null","R"]}]}"#;
    let recursive = registry.register(&subject("recursive"), recursive, "AVRO")?;
    let no_avro = registry.register(
        &subject("no-avro"),
        r#"{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}"#,
        "JSON",
    )?;
    let other = r#"{"type":"record","name":"Other","fields":[{"name":"x","type":"int"}]}"#;
    let other = registry.register(&subject("other"), other, "AVRO")?;
    let own = r#"{"type":"record","name":"Mine","fields":[{"name":"eventId","type":"string"},{"name":"userId","type":"string"},
        {"name":"kind","type":"string"},{"name":"currency","type":"string"},
        {"name":"occurredAt","type":{"type":"long","logicalType":"timestamp-millis"}},
        {"name":"amount","type":{"type":"bytes","logicalType":"decimal","precision":12,"scale":2}}]}"#;
    let own = registry.register(&subject("own"), own, "AVRO")?;
    let mut good = b"\x04e1\x06ann\x0epayment\x06USD".to_vec();
    // 2026-01-20T10:12:34.567Z as a zig-zag long, and 10.50 as a decimal of two bytes.
    good.extend([0x8e, 0xe8, 0xb8, 0xab, 0xfb, 0x66, 0x04, 0x04, 0x1a]);
    let cut = good[..good.len() - 1].to_vec();
    send(
        &deployment,
        &[
            framed(own, &good),
            framed(999_999, b"junk"),
            framed(own, &cut),
            framed(own, &[&good[..], &[0]].concat()),
            framed(recursive, &[2; 100_000]),
            framed(no_avro, b"{}"),
            framed(other, &[2]),
            vec![0, 0, 0],
            br#"{"eventId":"e2","userId":"ann","kind":"payment","currency":"USD","amount":"1","occurredAt":"2026-01-20T10:00:00Z"}"#.to_vec(),
        ],
    )?;
    let instance = deployment.start("a")?;
    deployment.settle()?;
    deployment.verify()?;
    let letters = deployment.run("a", &["dlq", "list", "--json"])?;
    let mut reasons = Vec::new();
    for letter in letters.with(0)?.stdout.lines() {
        let letter: Value = serde_json::from_str(letter)?;
        reasons.push((
            letter["source_offset"].as_u64(),
            letter["reason"].as_str().unwrap_or_default().to_owned(),
        ));
    }
    reasons.sort();
    let expected = [
        (1, "unknown_schema"),
        (2, "malformed_json"),
        (3, "malformed_json"),
        (4, "unknown_schema"),
        (5, "unknown_schema"),
        (6, "unknown_schema"),
        (7, "malformed_json"),
    ];
    let expected = expected.map(|(offset, reason)| (Some(offset), reason.to_owned()));
    ensure!(reasons == expected, "{reasons:?}\n{}", letters.stdout);
    let day = client("consume", &deployment, &registry, &["revenue.daily"], &[])?;
    let last: Value = serde_json::from_str(day.lines().last().context("no day")?)?;
    ensure!(last["value"]["gross_sales_minor"] == 1_150, "{last}");
    instance.stop()
}

fn signal(pid: u32, name: &str) -> Result<()> {
    let kill = finish(Command::new("kill").args([format!("-{name}"), pid.to_string()]))?;
    kill.with(0).map(drop)
}

#[test]
fn a_registry_that_is_silent_holds_intake_up_and_loses_nothing() -> Result<()> {
    let own = tempfile::tempdir()?;
    let registry = Registry::start(own.path(), 21_181, None)?;
    let (_folder, deployment) = planned("silent", &registry)?;
    deployment.run("topics", &["topics", "apply"])?.with(0)?;
    let instance = deployment.start("a")?;
    let record = r#"{"track":[{"name":"Charge","payload":[{"eventId":"t1","userId":"dan","data":{"amount":"10.50","currency":"USD",
        "status":"succeeded","occurredAt":"2026-01-22T10:00:00Z"}}]}]}"#;
    // Written while it answers, read while it does not: this instance has not asked for this schema yet.
    signal(instance.id(), "STOP")?;
    client("produce", &deployment, &registry, &[], &[to_send("charges", "k", record)?])?;
    registry.signal("STOP")?;
    signal(instance.id(), "CONT")?;
    wait::until("intake to say what it waits for", LIMIT, || {
        Ok(instance.said().contains("intake waits").then_some(()))
    })?;
    registry.signal("CONT")?;
    deployment.settle()?;
    deployment.verify()?;
    ensure!(deployment.run("a", &["dlq", "list", "--json"])?.with(0)?.stdout.is_empty(), "refused");
    let entries = client("consume", &deployment, &registry, &["ledger.entries"], &[])?;
    ensure!(entries.lines().count() == 1, "{entries}");
    instance.stop()
}

#[test]
fn schemas_are_checked_where_they_are_not_registered() -> Result<()> {
    let registry = Registry::under_test()?;
    let (_folder, mut deployment) = planned("checked", &registry)?;
    deployment.configure(&with(&registry, "auto_register = false\n"));
    let missing = deployment.run("topics", &["topics", "apply"])?;
    ensure!(missing.with(4)?.stdout.matches("missing    schema").count() == 20, "{}", missing.stdout);
    // Nothing is written by schemas that nobody can look up.
    let refused = deployment.run("a", &["run"])?;
    ensure!(
        refused.code != Some(0) && refused.stderr.contains("`daybook topics apply` registers it"),
        "{}",
        refused.stderr
    );
    deployment.configure(&with(&registry, ""));
    deployment.run("topics", &["topics", "apply"])?.with(0)?;
    deployment.configure(&with(&registry, "auto_register = false\n"));
    deployment.run("topics", &["topics", "apply", "--check"])?.with(0)?;
    deployment.start("a")?.stop()
}

/// Against the registry itself: what it is told to demand of later versions, it does demand.
#[test]
fn the_registry_demands_backward_transitive() -> Result<()> {
    let registry = Registry::under_test()?;
    let (_folder, deployment) = planned("versions", &registry)?;
    deployment.run("topics", &["topics", "apply"])?.with(0)?;
    let schemas = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas");
    for topic in PROJECTED {
        let text = fs::read_to_string(schemas.join(format!("{topic}.avsc")))?;
        let subject = format!("{}-value", deployment.topic(topic));
        let with_field = |field: Value| -> Result<String> {
            let mut schema: Value = serde_json::from_str(&text)?;
            schema["fields"].as_array_mut().context("no fields")?.push(field);
            Ok(schema.to_string())
        };
        let two = with_field(json!({ "name": "z_first", "type": "long", "default": 0 }))?;
        registry.register(&subject, &two, "AVRO").with_context(|| subject.clone())?;
        let broken = with_field(json!({ "name": "z_second", "type": "long" }))?;
        let refused = registry.register(&subject, &broken, "AVRO").map_err(|e| e.to_string());
        ensure!(refused.is_err_and(|e| e.starts_with("409")), "{subject} takes a field without a default");
    }
    // Somebody has put another schema where ours belongs.
    let (_folder, other) = planned("occupied", &registry)?;
    let text = r#"{"type":"record","name":"Day","fields":[{"name":"x","type":"int"}]}"#;
    let subject = format!("{}-value", other.topic("revenue.daily"));
    registry.register(&subject, text, "AVRO")?;
    registry.ask("PUT", &format!("config/{subject}"), &json!({ "compatibility": "BACKWARD" }))?;
    let refused = other.run("topics", &["topics", "apply"])?;
    ensure!(
        refused.code != Some(0) && refused.stderr.contains(&subject),
        "{:?} {}",
        refused.code,
        refused.stderr
    );
    Ok(())
}

#[test]
fn books_that_began_in_json_go_on_in_avro() -> Result<()> {
    let registry = Registry::under_test()?;
    let (_folder, mut deployment) = planned("switched", &registry)?;
    deployment.configure("");
    deployment.run("topics", &["topics", "apply"])?.with(0)?;
    let event = |id: u32| {
        format!(r#"{{"eventId":"e{id}","userId":"ann","kind":"payment","currency":"USD","amount":"10","occurredAt":"2026-01-20T10:00:00Z"}}"#)
            .into_bytes()
    };
    send(&deployment, &[event(1)])?;
    let instance = deployment.start("a")?;
    deployment.settle()?;
    instance.stop()?;
    deployment.configure(&with(&registry, ""));
    deployment.run("topics", &["topics", "apply"])?.with(0)?;
    send(&deployment, &[event(1), event(2)])?;
    let instance = deployment.start("a")?;
    deployment.settle()?;
    deployment.verify()?;
    instance.stop()?;
    // And back again.
    deployment.configure(&with(&registry, "outputs = \"json\"\n"));
    send(&deployment, &[event(3)])?;
    let instance = deployment.start("a")?;
    deployment.settle()?;
    deployment.verify()?;
    let last = records(&deployment, "revenue.daily")?.pop().and_then(|record| record.payload);
    ensure!(last.as_deref().is_some_and(|row| row.contains("\"gross_sales_minor\":3000")), "{last:?}");
    instance.stop()
}
