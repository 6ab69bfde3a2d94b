//! Exports as real accounting tools read them: they accept them, and come to the balances that are published.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use daybook_tests::accounting::{Balances, Tool, export, published};
use daybook_tests::binary::Binary;
use daybook_tests::books::Books;
use daybook_tests::formats;
use daybook_tests::instance::{Instance, OPERATOR_KEY, write_config};
use daybook_tests::traffic::{check_processing, process};
use serde_json::{Value, json};

use crate::verify::change;

const PAYMENT: &str = include_str!("../fixtures/payment.json");
const REFUND: &str = include_str!("../fixtures/refund.json");

/// Names that tools take for something else, or not at all.
const NAMES: [&str; 40] = [
    "ann",
    "Ann",
    "ann@example.com",
    "Ann@Example.com",
    "a b",
    "a  b",
    " a",
    "a ",
    "a:b",
    "a::b",
    ":",
    "a;b",
    "; note",
    "(virtual)",
    "[balanced]",
    "<deferred>",
    "* cleared",
    "! pending",
    "= 5 USD",
    "a @ 3 EUR",
    "{cost}",
    "\"quoted\"",
    "it's",
    "back\\slash",
    "%41",
    "A",
    "-2D",
    "-",
    "X",
    "x",
    "Xx",
    "2026-01-01",
    "~ monthly",
    "田中",
    "Ünïcödé",
    "🙂👩‍👩‍👧",
    "a\u{a0}b",
    "\u{202e}rtl",
    "e\u{301}",
    "é",
];

/// Payments and refunds of every name, as user, processor, id and description, in currencies of 0 to 4 digits.
fn charges_of_names() -> Result<String> {
    let ascii: String = (' '..='~').collect();
    let (long, escaped) = ("é".repeat(128), "\"".repeat(256));
    let letters = ('!'..='~').map(|c| c.to_string());
    let mut names: Vec<String> =
        NAMES.into_iter().map(str::to_owned).chain([ascii, long, escaped]).chain(letters).collect();
    let mut before = BTreeSet::new();
    names.retain(|name| before.insert(name.clone()));
    let mut lines = String::new();
    for (n, name) in names.iter().enumerate() {
        let (paid, fee, refunded, currency) = [
            ("1050", "1", "1040", "JPY"),
            ("10.50", "0.1", "10.40", "USD"),
            ("1.234", "0.034", "1.134", "KWD"),
            ("0.1234", "0.0234", "0.1233", "CLF"),
        ][n % 4];
        // Later events are often of earlier days; every fifth name is in the books of tests.
        let (day, livemode) = (format!("2026-01-{:02}", 28 - n * 7 % 28), n % 5 > 0);
        let processor = format!("{} pay", name.chars().take(60).collect::<String>());
        for (kind, time, amount) in [("paid", "10:00", paid), ("refunded", "12:00", refunded)] {
            let mut data = json!({
                "currency": currency, "status": "succeeded", "chargeId": name, "description": name,
                "livemode": livemode, "occurredAt": format!("{day}T{time}:00Z"),
            });
            if kind == "paid" {
                data["amount"] = json!(amount);
                data["fee"] = json!(fee);
                data["provider"] = json!(processor);
            } else {
                data["amount_refunded"] = json!(amount);
            }
            let id: String = format!("{kind} {name}").chars().take(100).collect();
            let event = json!({"eventId": id, "userId": name, "data": data});
            writeln!(lines, "{}", json!({"track": [{"name": "Charge", "payload": [event]}]}))?;
        }
    }
    Ok(lines)
}

/// Has every tool check and add up the books.
fn check(binary: &Binary, folder: &Path, what: &str, books: &Books) -> Result<()> {
    let expected = published(books)?;
    ensure!(!expected.is_empty(), "{what} has no balances");
    for tool in Tool::ALL {
        let file = folder.join(format!("{what}.{}", tool.name()));
        export(binary, books, tool, &file)?;
        tool.accept(&file).with_context(|| format!("{what} for {}", tool.name()))?;
        let found = tool.balances(&file, None)?;
        equal(&found, &expected).with_context(|| format!("{what} by {}", tool.name()))?;
    }
    Ok(())
}

fn equal(found: &Balances, expected: &Balances) -> Result<()> {
    let differs = |key: &&[String; 4]| found.get(*key) != expected.get(*key);
    let wrong: Vec<_> = found.keys().chain(expected.keys()).filter(differs).take(5).collect();
    let both =
        |key: &&[String; 4]| format!("{key:?}: {:?} instead of {:?}", found.get(*key), expected.get(*key));
    ensure!(wrong.is_empty(), "{}", wrong.iter().map(both).collect::<Vec<_>>().join("\n"));
    Ok(())
}

fn books_of(binary: &Binary, folder: &Path, what: &str, charges: &str) -> Result<Books> {
    let file = folder.join(format!("{what}.jsonl"));
    fs::write(&file, charges)?;
    let settings = folder.join("settings.toml");
    fs::write(&settings, "[shop]\ncurrency = \"USD\"\n")?;
    let out = folder.join(what);
    let settings = settings.to_str().context("a path that is no text")?;
    let more = ["--project", "shop", "--settings", settings, "--as-of", "2026-03-14T22:30:00Z"];
    process(binary, &file, &out, &more)?.with(0)?;
    Ok(Books::in_folder(&out))
}

#[test]
fn tools_accept_the_ledger_and_agree_with_its_balances() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = Binary::under_test()?;
    let line = |body: &str| Ok::<_, serde_json::Error>(serde_json::from_str::<Value>(body)?.to_string());
    let refund = REFUND.replace("uuid-generated-event-id", "7c9e6679-7425-40de-944b-e07fc1f90ae7");
    let seeds = format!("{}\n{}\n", line(PAYMENT)?, line(&refund)?);
    check(&binary, folder.path(), "seeds", &books_of(&binary, folder.path(), "seeds", &seeds)?)?;

    check(&binary, folder.path(), "every-kind", &formats::books(&binary, folder.path())?)?;

    let names = books_of(&binary, folder.path(), "names", &charges_of_names()?)?;
    ensure!(names.summary()?["dead_letters"] == json!({}), "{}", names.summary()?);
    let organizations = published(&names)?.into_keys().map(|[_, organization, ..]| organization);
    let organizations: BTreeSet<String> = organizations.collect();
    ensure!(NAMES.iter().all(|name| organizations.contains(*name)), "{organizations:?}");
    check(&binary, folder.path(), "names", &names)?;

    let workload = tempfile::tempdir()?;
    let books = check_processing(&binary, workload.path(), 3_000, 3_000)?;
    let adjusting = books.summary()?["adjustments"].as_u64();
    ensure!(adjusting.is_some_and(|count| count > 0), "no adjusting entries are among them");
    check(&binary, workload.path(), "workload", &books)
}

#[test]
fn entries_without_postings_are_accepted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = Binary::under_test()?;
    let books = books_of(&binary, folder.path(), "names", &charges_of_names()?)?;
    let empty = books.forged(&folder.path().join("empty"), "ledger.entries", |lines| {
        let first = lines.first().and_then(|line| serde_json::from_str::<Value>(line).ok());
        lines.extend(first.map(|mut line| {
            line["value"]["postings"] = json!([]);
            line.to_string()
        }));
    })?;
    check(&binary, folder.path(), "empty", &empty)
}

#[test]
fn a_changed_amount_is_noticed() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = Binary::under_test()?;
    let books = books_of(&binary, folder.path(), "names", &charges_of_names()?)?;
    let into = folder.path().join("forged");
    let forged = books.forged(&into, "ledger.entries", |lines| change(lines, "\"amount_minor\":"))?;
    for tool in Tool::ALL {
        let file = folder.path().join(format!("forged.{}", tool.name()));
        export(&binary, &forged, tool, &file)?;
        let found = tool.balances(&file, None)?;
        let error = equal(&found, &published(&forged)?).err().map(|error| error.to_string());
        ensure!(error.is_some_and(|error| error.contains("instead of")), "{} notices nothing", tool.name());
    }
    let of = |name| report(&binary, &forged, name, &[]);
    let agreed = agree(&published(&forged)?, &of("balance-sheet")?, &of("client-profile")?);
    ensure!(agreed.is_err(), "a report notices nothing");
    Ok(())
}

/// The rows of a report, as JSON.
fn report(binary: &Binary, books: &Books, name: &str, more: &[&str]) -> Result<Vec<Value>> {
    let folder = books.folder().to_str().context("a path that is no text")?;
    let ended = binary.run(["export", name, folder, "--json"].iter().chain(more))?;
    let report: Value = serde_json::from_str(&ended.with(0)?.stdout)?;
    let rows = report[format!("{}s", name.replace('-', "_"))].as_array().cloned();
    rows.with_context(|| report.to_string())
}

/// Figures of a sheet or profile by the columns that must agree with balances.
fn figures<const N: usize>(row: &Value, names: [&str; N]) -> Result<[i128; N]> {
    let mut figures = [0; N];
    for (figure, name) in figures.iter_mut().zip(names) {
        *figure = row[format!("{name}_minor")].as_i64().with_context(|| row.to_string())?.into();
    }
    Ok(figures)
}

#[test]
fn reports_agree_with_what_the_tools_add_up_at_any_date() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = Binary::under_test()?;
    let books = check_processing(&binary, folder.path(), 2_000, 2_000)?;
    let names = folder.path().join("names");
    fs::create_dir(&names)?;
    let names = books_of(&binary, &names, "names", &charges_of_names()?)?;
    // Each with the day after it.
    let of_workload =
        [("2025-12-30", "2025-12-31"), ("2025-12-31", "2026-01-01"), ("2026-01-01", "2026-01-02")];
    let of_names = [("2026-01-01", "2026-01-02"), ("2026-01-14", "2026-01-15"), ("2026-01-27", "2026-01-28")];
    for (books, days) in [(&books, of_workload), (&names, of_names)] {
        let file = |tool: Tool| folder.path().join(format!("books.{}", tool.name()));
        Tool::ALL.into_iter().try_for_each(|tool| export(&binary, books, tool, &file(tool)))?;
        let mut sums = Vec::new();
        for (day, next) in days {
            let sheets = report(&binary, books, "balance-sheet", &["--as-of", day])?;
            let profiles = report(&binary, books, "client-profile", &["--as-of", day])?;
            for tool in Tool::ALL {
                let balances = tool.balances(&file(tool), Some(next))?;
                agree(&balances, &sheets, &profiles).with_context(|| format!("{day} by {}", tool.name()))?;
            }
            sums.push(sheets);
        }
        let all = published(books)?;
        let (sheets, profiles) =
            (report(&binary, books, "balance-sheet", &[])?, report(&binary, books, "client-profile", &[])?);
        agree(&all, &sheets, &profiles)?;
        sums.push(sheets);
        sums.dedup();
        ensure!(sums.len() >= 3, "the days make too little of a difference: {sums:?}");
    }
    Ok(())
}

/// Sheets and profiles against balances, where every provider is its project.
fn agree(balances: &Balances, sheets: &[Value], profiles: &[Value]) -> Result<()> {
    let mut expected: BTreeMap<[&str; 2], [i128; 5]> = BTreeMap::new();
    let mut clients: BTreeMap<[&str; 3], [i128; 2]> = BTreeMap::new();
    for ([project, organization, account, currency], balance) in balances {
        let sheet = expected.entry([project, currency]).or_default();
        let client = [project, organization, currency].map(String::as_str);
        let own = project == organization;
        match account.as_str() {
            "Assets" => sheet[0] += balance,
            "Income" if own => sheet[1] -= balance,
            "Income" => sheet[3] += balance,
            "Payable" => {
                sheet[4] += balance;
                clients.entry(client).or_default()[0] += balance;
            }
            _ => {
                sheet[2] += balance;
                clients.entry(client).or_default()[1] += balance;
            }
        }
    }
    let mut found = BTreeMap::new();
    for sheet in sheets {
        let key = [&sheet["provider"], &sheet["currency"]].map(|name| name.as_str().unwrap_or_default());
        let [assets, income, expenses, liabilities, fees, receivable] =
            figures(sheet, ["assets", "income", "expenses", "liabilities", "fees", "receivable"])?;
        ensure!(
            liabilities == 0 && income == assets + expenses + fees + receivable,
            "{sheet} does not close"
        );
        found.insert(key, [assets, income, expenses, fees, receivable]);
    }
    found.retain(|_, figures| *figures != [0; 5]);
    ensure!(found == expected, "{found:?} instead of {expected:?}");
    let mut found = BTreeMap::new();
    for profile in profiles {
        let key = [&profile["project_id"], &profile["customer"], &profile["currency"]];
        let figures = figures(profile, ["payable", "dispute"])?;
        ensure!(profile["acquisition_minor"] == 0, "goodwill out of nothing: {profile}");
        found.insert(key.map(|name| name.as_str().unwrap_or_default()), figures);
    }
    found.retain(|_, figures| *figures != [0; 2]);
    ensure!(found == clients, "{found:?} instead of {clients:?}");
    Ok(())
}

#[test]
fn a_running_instance_exports_what_its_folder_does() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = Binary::under_test()?;
    let config = write_config(folder.path(), "127.0.0.1:0")?;
    let instance = Instance::run(&binary, &config)?;
    for project in ["acme", "beta"] {
        for line in charges_of_names()?.lines().take(20) {
            ensure!(instance.track(project, line.as_bytes())?.status == 202, "{line}");
        }
    }
    instance.settle()?;
    let of_url = ["export", "csv", "--project", "acme", "--url", &instance.base, "--api-key", OPERATOR_KEY];
    let running = binary.run(of_url)?.with(0)?.stdout.clone();
    instance.stop()?;
    let log = folder.path().join("log");
    let log = log.to_str().context("a path that is no text")?;
    let stopped = binary.run(["export", "csv", "--project", "acme", log])?.with(0)?.stdout.clone();
    ensure!(running == stopped && running.lines().count() > 20, "{running}\ninstead of\n{stopped}");
    ensure!(running.lines().skip(1).all(|line| line.starts_with("acme,")), "{running}");
    let both = binary.run(["export", "csv", log])?.with(0)?.stdout.clone();
    ensure!(both.contains("\nbeta,") && both.len() > running.len(), "{both}");
    Ok(())
}
