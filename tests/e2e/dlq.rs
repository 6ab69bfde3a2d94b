//! Dead letters are listed, shown and put back, on a folder that nobody has and on one that an instance runs on.

use std::cell::Cell;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use daybook_tests::binary::Binary;
use daybook_tests::instance::{Instance, write_config};
use serde_json::{Value, json};

const SETTLED_LIMIT: Duration = Duration::from_secs(60);

/// Whether the instance runs while the command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum While {
    Running,
    Stopped,
}

/// A folder, its configuration, and the instance on it.
struct Rig {
    binary: Binary,
    folder: tempfile::TempDir,
    config: PathBuf,
    instance: Option<Instance>,
    mode: While,
    /// Records taken in by the last time that all was in the books, and by the start of the instance.
    taken: Cell<u64>,
    taken_before: u64,
}

/// An envelope with items: id and data of each.
fn envelope(items: &[(&str, Value)]) -> Vec<u8> {
    let items =
        items.iter().map(|(id, data)| json!({"eventId": id, "userId": "ann@example.com", "data": data}));
    json!({"track": [{"name": "Charge", "payload": items.collect::<Vec<_>>()}]}).to_string().into_bytes()
}

fn payment(amount: &str) -> Value {
    json!({"amount": amount, "status": "succeeded", "currency": "USD"})
}

impl Rig {
    fn new(mode: While) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        // Commands find a running instance by the configuration's port: it has to be one.
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let config = write_config(folder.path(), &listen)?;
        let binary = Binary::under_test()?;
        let (taken, taken_before) = (Cell::new(0), 0);
        let mut rig = Self { binary, folder, config, instance: None, mode, taken, taken_before };
        rig.start()?;
        Ok(rig)
    }

    fn start(&mut self) -> Result<()> {
        self.taken_before = self.taken.get();
        self.instance = Some(Instance::run(&self.binary, &self.config)?);
        Ok(())
    }

    fn instance(&self) -> Result<&Instance> {
        self.instance.as_ref().context("no instance runs")
    }

    fn track(&self, body: &[u8]) -> Result<()> {
        self.instance()?.track("acme", body)?;
        self.settle()
    }

    /// Waits until everything that was sent is in the books. An instance counts from its own start; what was taken in
    /// before is known from the last time.
    fn settle(&self) -> Result<()> {
        let instance = self.instance()?;
        daybook_tests::wait::until("everything to be in the books", SETTLED_LIMIT, || {
            let read = instance.metric("daybook_intake_records_total")?;
            let sent = instance.end("charges")? + instance.end("settings")?;
            let published = match instance.records("projector.positions")?.last() {
                Some(record) => record.json()?["journal_offset"].as_u64(),
                None => Some(0),
            };
            let settled = self.taken_before + read >= sent && published == Some(instance.end("journal")?);
            if settled {
                self.taken.set(sent);
            }
            Ok(settled.then_some(()))
        })
    }

    /// Runs a command as the mode says; the instance runs afterwards, and all is in the books.
    fn run(&mut self, line: &[&str]) -> Result<String> {
        if self.mode == While::Stopped {
            self.instance.take().context("no instance runs")?.stop()?;
        }
        let arguments = line.iter().map(Path::new).chain([Path::new("--config"), &self.config]);
        let ended = self.binary.run(arguments)?;
        let said = ended.with(0).with_context(|| format!("{line:?} while {:?}", self.mode))?.stdout.clone();
        if self.mode == While::Stopped {
            self.start()?;
        }
        self.settle()?;
        Ok(said)
    }

    fn letters(&mut self, more: &[&str]) -> Result<Vec<Value>> {
        let said = self.run(&[&["dlq", "list", "--json"], more].concat())?;
        said.lines().map(|line| serde_json::from_str(line).context("list prints no JSON")).collect()
    }

    /// Event id, line and amount of every entry.
    fn entries(&self) -> Result<Vec<(String, u64, u64)>> {
        let entries = self.instance()?.records("ledger.entries")?;
        let of = |record: &daybook_tests::instance::Record| {
            let entry = record.json()?;
            let id = entry["event_id"].as_str().unwrap_or_default().to_owned();
            let amount = entry["postings"][0]["amount_minor"].as_u64().unwrap_or_default();
            Ok((id, entry["event_line"].as_u64().unwrap_or_default(), amount))
        };
        entries.iter().map(of).collect()
    }

    fn write(&self, name: &str, text: &[u8]) -> Result<String> {
        let path = self.folder.path().join(name);
        fs::write(&path, text)?;
        Ok(path.to_string_lossy().into_owned())
    }

    fn verify(mut self) -> Result<()> {
        self.instance.take().context("no instance runs")?.stop()?;
        self.binary.run([Path::new("verify"), &self.folder.path().join("log")])?.with(0).map(drop)
    }
}

fn entry(id: &str, line: u64, amount: u64) -> (String, u64, u64) {
    (id.to_owned(), line, amount)
}

fn in_both(test: impl Fn(Rig) -> Result<()>) -> Result<()> {
    for mode in [While::Running, While::Stopped] {
        test(Rig::new(mode)?).with_context(|| format!("while {mode:?}"))?;
    }
    Ok(())
}

#[test]
fn what_lacked_a_currency_is_in_the_books_once_when_it_is_put_back() -> Result<()> {
    in_both(|mut rig| {
        let bare = json!({"amount": "12.50", "status": "succeeded"});
        // One id in two items: lines 0 and 1, and only line 1 lacks a currency.
        rig.track(&envelope(&[("e1", payment("3")), ("e1", bare.clone())]))?;
        rig.track(&envelope(&[("e2", bare)]))?;
        let letters = rig.letters(&["--reason", "currency_missing", "--project", "acme"])?;
        ensure!(letters.len() == 2, "{letters:?}");
        ensure!(letters[0]["source_offset"] == 0 && letters[0]["item"] == 1, "{letters:?}");
        let settings = rig.write("settings.toml", b"[acme]\ncurrency = \"USD\"\n")?;
        rig.run(&["settings", "apply", "-f", &settings])?;
        ensure!(rig.entries()? == [entry("e1", 0, 300)], "{:?}", rig.entries()?);

        let dry = rig.run(&["dlq", "replay", "--reason", "currency_missing", "--dry-run"])?;
        ensure!(dry.ends_with("2 records would be put back\n"), "{dry}");
        ensure!(rig.entries()?.len() == 1, "a dry run puts records back");

        let books = [entry("e1", 0, 300), entry("e1", 1, 1_250), entry("e2", 0, 1_250)];
        for _ in 0..2 {
            let said = rig.run(&["dlq", "replay", "--reason", "currency_missing"])?;
            ensure!(said.contains("2 records put back"), "{said}");
            ensure!(rig.entries()? == books, "{:?}", rig.entries()?);
        }
        ensure!(rig.letters(&[])?.len() == 2, "records that were put back are refused");
        rig.verify()
    })
}

#[test]
fn a_corrected_record_takes_the_place_of_what_was_refused() -> Result<()> {
    in_both(|mut rig| {
        let body = envelope(&[("e1", payment("19.999")), ("e2", payment("5")), ("e3", payment("0.001"))]);
        rig.track(&body)?;
        ensure!(rig.entries()? == [entry("e2", 0, 500)], "{:?}", rig.entries()?);
        let shown = rig.run(&["dlq", "show", "charges.dlq/0:1"])?;
        for line in ["daybook-reason: excess_precision", "daybook-item: 2", "daybook-source: shop"] {
            ensure!(shown.contains(line), "{line} is not in\n{shown}");
        }
        let value = rig.run(&["dlq", "show", "0", "--value"])?;
        ensure!(value.trim_end().as_bytes() == body, "{value}");
        let corrected = rig.write("corrected.json", value.replace("19.999", "19.99").as_bytes())?;
        let said = rig.run(&["dlq", "replay", "charges.dlq/0:0", "--with", &corrected])?;
        ensure!(said.contains("1 record put back"), "{said}");
        ensure!(rig.entries()? == [entry("e2", 0, 500), entry("e1", 0, 1_999)], "{:?}", rig.entries()?);

        // Item 2 was refused again: its record counts by its later letter, however often it is put back.
        let letters = rig.letters(&[])?;
        ensure!(letters.len() == 3 && letters[2]["replayed_from"] == "charges.dlq/0:0", "{letters:?}");
        for count in [4, 5] {
            let said = rig.run(&["dlq", "replay", "--all"])?;
            ensure!(said.contains("1 record put back"), "{said}");
            ensure!(rig.letters(&[])?.len() == count, "letters multiply");
        }
        let put_back = rig.instance()?.records("charges")?;
        let last = put_back.last().context("charges is empty")?;
        ensure!(last.header("daybook-replayed") == Some("charges.dlq/0:3"), "{last:?}");
        ensure!(
            last.header("daybook-source") == Some("shop") && last.header("daybook-reason").is_none(),
            "{last:?}"
        );
        ensure!(rig.entries()?.len() == 2, "{:?}", rig.entries()?);
        rig.verify()
    })
}

#[test]
fn a_header_that_was_wrong_is_set_and_settings_are_put_back_where_they_belong() -> Result<()> {
    let mut rig = Rig::new(While::Stopped)?;
    rig.track(&envelope(&[("e1", payment("5"))]))?;
    // As another producer might: `settings apply` would refuse it.
    rig.instance()?.append("settings", "acme", r#"{"processor":"acme"}"#)?;
    rig.settle()?;
    let letters = rig.letters(&["--topic", "settings"])?;
    ensure!(letters.len() == 1 && letters[0]["reason"] == "settings_invalid", "{letters:?}");
    ensure!(rig.letters(&["--topic", "charges"])?.is_empty(), "settings are among the charges");
    let corrected = rig.write("corrected.json", br#"{"currency":"EUR"}"#)?;
    rig.run(&["dlq", "replay", "settings.dlq/0:0", "--with", &corrected])?;
    rig.track(&envelope(&[("e2", json!({"amount": "7", "status": "succeeded"}))]))?;
    ensure!(rig.entries()? == [entry("e1", 0, 500), entry("e2", 0, 700)], "{:?}", rig.entries()?);

    rig.track(&envelope(&[("e3", payment("0.001"))]))?;
    let corrected = rig.write("other.json", &envelope(&[("e3", payment("1"))]))?;
    let to_other = ["dlq", "replay", "0", "--with", &corrected, "--header", "daybook-project=other"];
    rig.run(&to_other)?;
    let last = rig.instance()?.records("ledger.entries")?.pop().context("no entries")?;
    ensure!(last.json()?["project_id"] == "other", "{last:?}");
    rig.verify()
}

#[test]
fn what_can_not_be_is_said() -> Result<()> {
    let rig = Rig::new(While::Running)?;
    rig.track(&envelope(&[("e1", payment("0.001"))]))?;
    let config = rig.config.to_string_lossy().into_owned();
    for (line, code, says) in [
        ("dlq replay", 2, "--all"),
        ("dlq replay 0 --all", 2, "--all"),
        ("dlq replay journal/0:1", 2, "TOPIC/PARTITION:OFFSET"),
        ("dlq list --reason no_reason", 2, "docs/reasons"),
        ("dlq list --topic journal", 2, "journal"),
        ("dlq replay --all --with x", 2, "--with"),
        ("dlq replay 0 1 --with absent", 4, "absent"),
        ("dlq show 1", 1, "failed to find charges.dlq/0:1: charges.dlq holds 1"),
        ("dlq replay 0 77", 1, "failed to find charges.dlq/0:77"),
        ("dlq replay --project nobody", 0, "0 records"),
    ] {
        let ended = rig.binary.run(line.split(' ').chain(["--config", &config]))?;
        let said = format!("{}{}", ended.stdout, ended.stderr);
        ensure!(ended.code == Some(code) && said.contains(says), "`{line}`: {:?}\n{said}", ended.code);
    }
    Ok(())
}
