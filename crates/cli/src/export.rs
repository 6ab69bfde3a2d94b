//! `daybook export`: the ledger for accounting tools, and reports drawn from it.

mod tables;

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use daybook_report::balance_sheet::BalanceSheets;
use daybook_report::client_profile::ClientProfiles;
use daybook_report::entries::Entry;
use daybook_report::export::{Format, exporter};
use daybook_wire::topic::Topic;
use serde_json::json;

use crate::args::{
    BalanceSheetArguments, ClientProfileArguments, EntriesArguments, ExportArguments, ExportCommand,
    ReportArguments,
};
use crate::exit::{Exit, ExitWith};
use crate::source::Source;

/// Bytes that are gathered before they are written.
const BUFFER: usize = 1 << 18;

/// Runs the command.
pub fn export(arguments: &ExportArguments) -> anyhow::Result<()> {
    let outcome = match &arguments.command {
        ExportCommand::Ledger(arguments) => entries(Format::Ledger, arguments),
        ExportCommand::Hledger(arguments) => entries(Format::Hledger, arguments),
        ExportCommand::Beancount(arguments) => entries(Format::Beancount, arguments),
        ExportCommand::Csv(arguments) => entries(Format::Csv, arguments),
        ExportCommand::BalanceSheet(arguments) => balance_sheet(arguments),
        ExportCommand::ClientProfile(arguments) => client_profile(arguments),
    };
    match outcome {
        // Whoever reads it, such as `head`, has seen enough.
        Err(error) if is_closed_pipe(&error) => Ok(()),
        outcome => outcome,
    }
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|error| error.kind() == ErrorKind::BrokenPipe)
}

/// Hands every entry of the books, or of one project, to `take`, those of a project in their order.
fn each_entry(
    source: &Source,
    project: Option<&str>,
    take: &mut dyn FnMut(&Entry) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    source.each(Topic::LedgerEntries, None, &mut |record| {
        // The key is the project.
        if project.is_some_and(|project| project.as_bytes() != record.key) {
            return Ok(());
        }
        let entry = Entry::read(&record.value).with_context(|| {
            format!("failed to read an entry of {}; `daybook verify` says more", show(&record.key))
        })?;
        take(&entry)
    })
}

fn show(key: &[u8]) -> String {
    String::from_utf8_lossy(key).into_owned()
}

fn entries(format: Format, arguments: &EntriesArguments) -> anyhow::Result<()> {
    // Before anything is written.
    let source = Source::open(&arguments.source)?;
    let write = |out: &mut dyn Write| {
        let mut export = exporter(format, BufWriter::with_capacity(BUFFER, out))?;
        each_entry(&source, arguments.project.as_deref(), &mut |entry| Ok(export.entry(entry)?))?;
        anyhow::Ok(export.finish()?)
    };
    let Some(path) = &arguments.out else {
        return write(&mut io::stdout().lock());
    };
    let failed = || format!("failed to write {}", path.display());
    // What stands there stays until all is written, so that no half of a ledger is taken for a whole one. What is no
    // file, such as a pipe, can't be replaced.
    let in_place = path.exists() && !path.is_file();
    let partial = if in_place { path.clone() } else { partial_path(path)? };
    let mut file = File::create(&partial)
        .map_err(|error| ExitWith::error(Exit::Misconfigured, anyhow!(error).context(failed())))?;
    let written = write(&mut file).and_then(|()| {
        if in_place {
            return Ok(());
        }
        file.sync_all().and_then(|()| std::fs::rename(&partial, path)).with_context(failed)
    });
    if written.is_err() && !in_place {
        // The first failure is the one to tell.
        let _ = std::fs::remove_file(&partial);
    }
    written
}

fn partial_path(path: &Path) -> anyhow::Result<PathBuf> {
    let Some(name) = path.file_name() else {
        let message = format!("--out {}: not a file's name", path.display());
        return Err(ExitWith::error(Exit::Misconfigured, anyhow!(message)));
    };
    let mut name = name.to_owned();
    name.push(".partial");
    Ok(path.with_file_name(name))
}

fn balance_sheet(arguments: &BalanceSheetArguments) -> anyhow::Result<()> {
    let report = &arguments.report;
    let mut sheets = BalanceSheets::at(report.as_of);
    each_entry(&Source::open(&report.source)?, report.project.as_deref(), &mut |entry| {
        sheets.entry(entry);
        Ok(())
    })?;
    let mut sheets = sheets.conclude();
    sheets.retain(|sheet| arguments.provider.as_ref().is_none_or(|provider| *provider == sheet.provider));
    if report.json {
        print_json(report, "balance_sheets", &json!(sheets))
    } else {
        print(&format!("{}\n{}\n", heading("Balance sheet", report), tables::balance_sheets(&sheets)))
    }
}

fn client_profile(arguments: &ClientProfileArguments) -> anyhow::Result<()> {
    let report = &arguments.report;
    let mut profiles = ClientProfiles::at(report.as_of);
    each_entry(&Source::open(&report.source)?, report.project.as_deref(), &mut |entry| {
        profiles.entry(entry);
        Ok(())
    })?;
    let mut profiles = profiles.conclude();
    profiles
        .retain(|profile| arguments.customer.as_ref().is_none_or(|customer| *customer == profile.customer));
    if report.json {
        print_json(report, "client_profiles", &json!(profiles))
    } else {
        print(&format!("{}\n{}\n", heading("Client profile", report), tables::client_profiles(&profiles)))
    }
}

fn heading(title: &str, report: &ReportArguments) -> String {
    match report.as_of {
        Some(day) => format!("{title} at the end of {day}"),
        None => format!("{title} of all entries"),
    }
}

fn print_json(report: &ReportArguments, name: &str, rows: &serde_json::Value) -> anyhow::Result<()> {
    let as_of = report.as_of.map(|day| day.to_string());
    let text = serde_json::to_string_pretty(&json!({"as_of": as_of, "project": report.project, name: rows}))?;
    print(&format!("{text}\n"))
}

/// To standard output, where a reader that is gone is an error and no panic.
fn print(text: &str) -> anyhow::Result<()> {
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}
