//! `daybook settings show`: the settings in force at any position of a project's journal, and how they came to be.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use daybook_core::event::Body;
use daybook_core::settings::Settings;
use daybook_wire::journal;
use daybook_wire::settings::to_json;
use daybook_wire::time::push_rfc3339;
use daybook_wire::topic::Topic;

use super::changes::changes;
use super::say;
use crate::args::SettingsShowArguments;
use crate::source::Source;

/// One version of a project's settings.
struct Version {
    /// Number of the journal record that brought them, per project from 1; 0: the defaults.
    journal_sequence: u64,
    recorded_at_ms: Option<i64>,
    settings: Arc<Settings>,
}

/// Runs the command.
pub fn show(arguments: &SettingsShowArguments) -> anyhow::Result<()> {
    let source = Source::open(&arguments.source)?;
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    let first = Version { journal_sequence: 0, recorded_at_ms: None, settings: Arc::default() };
    let mut versions = vec![first];
    source.each(Topic::Journal, None, &mut |record| {
        let decoded = journal::decode(&record.value).context("failed to read the journal")?;
        let sequence = last.entry(decoded.project.to_string()).or_default();
        *sequence += 1;
        if *decoded.project != *arguments.project {
            return Ok(());
        }
        let changed = |settings: &Arc<Settings>| versions.last().is_none_or(|v| v.settings != *settings);
        // Every instance journals them; what says the same again is no new version.
        if let Body::Settings(settings) = decoded.body
            && changed(&settings)
        {
            let recorded_at_ms = Some(decoded.recorded_at_ms);
            versions.push(Version { journal_sequence: *sequence, recorded_at_ms, settings });
        }
        Ok(())
    })?;
    let Some(last) = last.get(&arguments.project).copied() else {
        let known: Vec<&str> = last.keys().map(String::as_str).collect();
        let known =
            if known.is_empty() { "it is empty".to_owned() } else { format!("it has {}", known.join(", ")) };
        return Err(anyhow!("the journal has no project {}: {known}", arguments.project));
    };
    if arguments.history {
        return history(&versions);
    }
    let at = arguments.at.unwrap_or(last);
    if at > last {
        return Err(anyhow!("the journal of {} ends at sequence {last}, before {at}", arguments.project));
    }
    let in_force = versions.iter().rev().find(|version| version.journal_sequence <= at);
    let in_force = in_force.context("failed to find the settings")?;
    say(&format!("# in force for {} at journal sequence {at}: {}", arguments.project, in_force.origin()));
    let value: serde_json::Value =
        serde_json::from_str(&to_json(&in_force.settings)).context("failed to read the settings")?;
    let table = toml::Table::from_iter([(arguments.project.clone(), as_toml(value))]);
    say(toml::to_string(&table).context("failed to write the settings as TOML")?.trim_end());
    Ok(())
}

/// The same as TOML; settings hold no floats and no nulls.
fn as_toml(value: serde_json::Value) -> toml::Value {
    match value {
        serde_json::Value::Object(members) => {
            toml::Value::Table(members.into_iter().map(|(key, value)| (key, as_toml(value))).collect())
        }
        serde_json::Value::Array(items) => toml::Value::Array(items.into_iter().map(as_toml).collect()),
        serde_json::Value::Number(number) => toml::Value::Integer(number.as_i64().unwrap_or_default()),
        serde_json::Value::Bool(truth) => toml::Value::Boolean(truth),
        serde_json::Value::String(text) => toml::Value::String(text),
        serde_json::Value::Null => toml::Value::String(String::new()),
    }
}

impl Version {
    fn origin(&self) -> String {
        let Some(recorded_at_ms) = self.recorded_at_ms else { return "the defaults".to_owned() };
        let mut time = String::new();
        push_rfc3339(recorded_at_ms, &mut time);
        format!("journalled as {} at {time}", self.journal_sequence)
    }
}

fn history(versions: &[Version]) -> anyhow::Result<()> {
    for pair in versions.windows(2) {
        let [before, after] = pair else { continue };
        say(&after.origin());
        for change in changes(&before.settings, &after.settings) {
            say(&format!("  {change}"));
        }
    }
    if versions.len() == 1 {
        say("the defaults, from the start");
    }
    Ok(())
}
