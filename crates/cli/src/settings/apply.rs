//! `daybook settings apply`.

use std::collections::BTreeMap;

use daybook_core::settings::Settings;
use daybook_wire::settings::parse;
use daybook_wire::topic::Topic;

use super::changes::changes;
use super::{read, record, say};
use crate::args::ApplyArguments;
use crate::config::Config;
use crate::log::Log;

/// Runs the command.
pub fn apply(arguments: &ApplyArguments) -> anyhow::Result<()> {
    let settings = read(&arguments.file)?;
    if arguments.check {
        say(&format!("{}: {} project(s), valid", arguments.file.display(), settings.len()));
        return Ok(());
    }
    let config = Config::load(arguments.config.as_deref())?;
    // To look is no reason to make a folder.
    let log = if arguments.dry_run { Log::open(&config)? } else { Log::open_or_make(&config)? };
    let mut in_log: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    log.each(Topic::Settings, &mut |_, fetched| {
        let project = String::from_utf8_lossy(&fetched.record.key).into_owned();
        in_log.insert(project, fetched.record.value.clone());
    })?;
    let applied = match &log {
        _ if arguments.dry_run => "would be applied",
        Log::Kafka(_) | Log::Instance(_) => "applied",
        Log::Embedded(_) => "applied; in force from the next start on",
    };
    let mut records = Vec::new();
    let mut outcome = Vec::new();
    for (project, json) in settings {
        let before = in_log.get(&project);
        let (old, new) = (before.and_then(|json| parse(json).ok()), parse(json.as_bytes())?);
        let changed = changes(&old.unwrap_or_else(Settings::default), &new);
        if changed.is_empty() && before.is_some() {
            outcome.push(format!("{project}: unchanged"));
            continue;
        }
        outcome.push(format!("{project}: {applied}"));
        outcome.extend(changed.iter().map(|change| format!("  {change}")));
        records.push(record(&project, json.into_bytes()));
    }
    if !arguments.dry_run {
        log.append(Topic::Settings, records)?;
    }
    outcome.iter().for_each(|line| say(line));
    Ok(())
}
