//! `daybook settings`: projects' settings from TOML to the `settings` topic, and what the journal says of them.

mod apply;
mod changes;
mod show;

use std::path::Path;

use anyhow::{Context, anyhow};
use daybook_core::name::is_valid_project;
use daybook_stream::clock::{Clock, SystemClock};
use daybook_stream::record::Record;

use crate::args::{SettingsArguments, SettingsCommand};
use crate::exit::{Exit, ExitWith};

/// Runs the command.
pub fn settings(arguments: &SettingsArguments) -> anyhow::Result<()> {
    match &arguments.command {
        SettingsCommand::Apply(arguments) => apply::apply(arguments),
        SettingsCommand::Show(arguments) => show::show(arguments),
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
        daybook_wire::settings::parse_of(&project, json.as_bytes())
            .map_err(|fault| at(&fault.to_string()))?;
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

/// A record of `settings`, as of now.
pub fn record(project: &str, json: Vec<u8>) -> Record {
    Record { key: project.into(), value: json, headers: Vec::new(), timestamp_ms: Some(SystemClock.now_ms()) }
}

// What has become of the settings is what the command is asked for.
#[allow(clippy::print_stdout)]
fn say(text: &str) {
    println!("{text}");
}
