//! `daybook settings`: projects' settings from TOML to the `settings` topic.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, anyhow};
use daybook_core::name::is_valid_project;
use daybook_stream::clock::{Clock, SystemClock};
use daybook_stream::embedded::{EmbeddedLog, OpenError};
use daybook_stream::kafka::{Begin, KafkaSettings, KafkaWriter, TopicReader};
use daybook_stream::local::{LocalLog, LocalStage};
use daybook_stream::log::{Append, Limit, Stage, Transaction};
use daybook_stream::record::Record;
use daybook_wire::topic::Topic;

use crate::args::{ApplyArguments, SettingsArguments, SettingsCommand};
use crate::config::Config;
use crate::exit::{Exit, ExitWith};
use crate::instance::kafka_settings;
use crate::remote::Remote;

/// Runs the command.
pub fn settings(arguments: &SettingsArguments) -> anyhow::Result<()> {
    match &arguments.command {
        SettingsCommand::Apply(arguments) => apply(arguments),
    }
}

/// Reads a settings file: each project with its table as JSON, validated, sorted by project.
///
/// # Errors
/// Ends with [`Exit::Misconfigured`]; the message names project and key.
pub fn read(file: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let misconfigured = |message: String| ExitWith::error(Exit::Misconfigured, anyhow!(message));
    let text = std::fs::read_to_string(file)
        .map_err(|e| misconfigured(format!("failed to read {}: {e}", file.display())))?;
    let tables: toml::Table =
        text.parse().map_err(|e| misconfigured(format!("failed to read {}: {e}", file.display())))?;
    let mut settings = Vec::new();
    for (project, table) in tables {
        let at = |message: &str| misconfigured(format!("{}: [{project}] {message}", file.display()));
        if !is_valid_project(&project) {
            return Err(at("is no project's name: 1 to 64 of A-Z a-z 0-9 . _ -"));
        }
        if let Some(key) = float_in(&table, "") {
            return Err(at(&format!(
                "{key}: write decimal numbers as strings (\"2.9\"), so that they stay exact"
            )));
        }
        let json = serde_json::to_string(&table).context("failed to convert the settings")?;
        daybook_wire::settings::parse(json.as_bytes()).map_err(|fault| at(&fault.to_string()))?;
        settings.push((project, json));
    }
    settings.sort();
    Ok(settings)
}

/// The first key with a floating-point number: TOML's are binary, and `2.9` would no longer be 2.9.
fn float_in(value: &toml::Value, key: &str) -> Option<String> {
    let join = |name: &str| if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") };
    match value {
        toml::Value::Float(_) => Some(key.to_owned()),
        toml::Value::Table(table) => table.iter().find_map(|(name, value)| float_in(value, &join(name))),
        toml::Value::Array(items) => {
            items.iter().enumerate().find_map(|(i, value)| float_in(value, &format!("{key}[{i}]")))
        }
        _ => None,
    }
}

fn apply(arguments: &ApplyArguments) -> anyhow::Result<()> {
    let settings = read(&arguments.file)?;
    if arguments.check {
        say(&format!("{}: {} project(s), valid", arguments.file.display(), settings.len()));
        return Ok(());
    }
    let config = Config::load(arguments.config.as_deref())?;
    if let Some(kafka) = kafka_settings(&config, || Ok("settings".to_owned()))? {
        let in_log = latest_in_kafka(&kafka)?;
        return apply_to(&mut KafkaWriter::new(&kafka), in_log, settings, "applied");
    }
    match EmbeddedLog::open(&config.log.folder) {
        Ok(log) => {
            let in_log = latest(&log)?;
            let applied = "applied; in force from the next start on";
            apply_to(&mut LocalStage::new(log, Stage::Intake), in_log, settings, applied)
        }
        Err(OpenError::Locked(_)) => apply_over_http(&config, settings),
        Err(error) => Err(crate::instance::open_failed(error)),
    }
}

/// Appends the settings that are not as they are `in_log`.
fn apply_to(
    log: &mut impl Append,
    in_log: BTreeMap<String, String>,
    settings: Vec<(String, String)>,
    applied: &str,
) -> anyhow::Result<()> {
    let (changed, same): (Vec<_>, Vec<_>) =
        settings.into_iter().partition(|(project, json)| in_log.get(project) != Some(json));
    let appends =
        changed.iter().map(|(project, json)| (Topic::Settings, record(project, json.clone().into_bytes())));
    let transaction = Transaction::appending(appends.collect());
    if !transaction.is_empty() {
        log.commit(transaction).context("failed to write the settings to the log")?;
    }
    for (project, _) in &changed {
        say(&format!("{project}: {applied}"));
    }
    for (project, _) in &same {
        say(&format!("{project}: unchanged"));
    }
    Ok(())
}

/// A record of `settings`, as of now.
pub fn record(project: &str, json: Vec<u8>) -> Record {
    Record { key: project.into(), value: json, headers: Vec::new(), timestamp_ms: Some(SystemClock.now_ms()) }
}

/// The settings that the log has, by project.
fn latest(log: &EmbeddedLog) -> anyhow::Result<BTreeMap<String, String>> {
    let records = log.records(Topic::Settings, Limit { records_max: 1_000, bytes_max: 8 << 20 });
    records
        .map(|fetched| fetched.map(|f| texts(f.record)))
        .collect::<Result<_, _>>()
        .context("failed to read the settings from the log")
}

/// The settings that Kafka has, by project.
fn latest_in_kafka(kafka: &KafkaSettings) -> anyhow::Result<BTreeMap<String, String>> {
    let mut latest = BTreeMap::new();
    TopicReader::open(kafka, &[(Topic::Settings, Begin::First)])
        .and_then(|mut reader| {
            reader.to_end(|_, _, fetched| {
                latest.extend([texts(fetched.record)]);
                Ok(())
            })
        })
        .context("failed to read the settings from Kafka")?;
    Ok(latest)
}

fn texts(record: Record) -> (String, String) {
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(record.key), text(record.value))
}

/// An instance has the folder: it takes the settings over HTTP, by the first operator's key of its configuration.
fn apply_over_http(config: &Config, settings: Vec<(String, String)>) -> anyhow::Result<()> {
    let remote = Remote::configured(config, "to hand it the settings with")?;
    let agent = crate::instance::agent();
    for (project, json) in settings {
        let url = format!("{}/api/v1/projects/{project}/settings", remote.url);
        let answer = agent.put(&url).header("x-api-key", &remote.api_key).send(&json);
        let mut answer = answer.with_context(|| format!("failed to reach the running instance at {url}"))?;
        if !answer.status().is_success() {
            let problem = answer.body_mut().read_to_string().unwrap_or_default();
            let message = format!("{project}: the running instance refused the settings: {problem}");
            return Err(ExitWith::error(Exit::Misconfigured, anyhow!(message)));
        }
        say(&format!("{project}: applied"));
    }
    Ok(())
}

// What has become of the settings is what the command is asked for.
#[allow(clippy::print_stdout)]
fn say(text: &str) {
    println!("{text}");
}
