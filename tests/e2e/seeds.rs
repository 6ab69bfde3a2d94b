//! The two bodies that the revenue standard prints, literally, against rows written by hand.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, ensure};
use daybook_tests::binary::Binary;
use daybook_tests::books::Books;
use daybook_tests::instance::{Instance, write_config};
use daybook_tests::traffic::process;
use jiff::Timestamp;
use serde_json::{Value, json};

const PAYMENT: &str = include_str!("../fixtures/payment.json");
const REFUND: &str = include_str!("../fixtures/refund.json");
/// Both bodies are printed with this placeholder; senders put a random id there.
const PLACEHOLDER: &str = "uuid-generated-event-id";
const SETTINGS: &str = "[acme]\ncurrency = \"USD\"\n";

/// 271.28 paid and 11.00 refunded on one day, no fees.
fn row(day: &str) -> Value {
    json!({
        "project_id": "acme", "economic_day": day, "currency": "USD", "minor_digits": 2,
        "gross_sales_minor": 27_128, "refunds_minor": 1_100, "chargebacks_minor": 0,
        "gross_revenue_minor": 26_028, "platform_fees_minor": 0, "net_revenue_minor": 26_028,
        "transaction_count": 1, "refund_count": 1, "chargeback_count": 0, "revision": 2,
    })
}

/// 271.28 paid, and nothing else.
fn row_of_payment(day: &str) -> Value {
    let mut row = row(day);
    for (field, value) in [
        ("refunds_minor", 0),
        ("gross_revenue_minor", 27_128),
        ("net_revenue_minor", 27_128),
        ("refund_count", 0),
        ("revision", 1),
    ] {
        row[field] = json!(value);
    }
    row
}

/// A row without what depends on when the test runs.
fn timeless(row: &Value) -> Value {
    let mut row = row.clone();
    for field in ["as_of", "journal_sequence"] {
        row.as_object_mut().and_then(|fields| fields.remove(field));
    }
    row
}

fn refund_with_an_id_of_its_own() -> String {
    REFUND.replace(PLACEHOLDER, "7c9e6679-7425-40de-944b-e07fc1f90ae7")
}

fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    fs::write(&path, text)?;
    Ok(path)
}

/// A body as a line of a file.
fn line(body: &str) -> Result<String> {
    let body: Value = serde_json::from_str(body)?;
    Ok(format!("{body}\n"))
}

#[test]
fn by_file() -> Result<()> {
    let fees = "processor = \"stripe\"\n[acme.fees.stripe]\npercent = \"2.9\"\nfixed = { USD = \"0.30\" }\n";
    // 2.9 % of 271.28 is 7.86712, rounded 7.87, and 0.30 on top of it.
    let mut with_fees = row("2026-03-14");
    with_fees["platform_fees_minor"] = json!(817);
    with_fees["net_revenue_minor"] = json!(26_028 - 817);
    // A customer of Tokyo's buys on the next day already.
    let tokyo = format!("{SETTINGS}timezone = \"Asia/Tokyo\"\n");
    for (what, settings, refund, expected, conflicts) in [
        ("as printed", SETTINGS.to_owned(), REFUND.to_owned(), row_of_payment("2026-03-14"), 1),
        ("ids of their own", SETTINGS.to_owned(), refund_with_an_id_of_its_own(), row("2026-03-14"), 0),
        ("fees", format!("{SETTINGS}{fees}"), refund_with_an_id_of_its_own(), with_fees, 0),
        ("a zone", tokyo, refund_with_an_id_of_its_own(), row("2026-03-15"), 0),
    ] {
        let folder = tempfile::tempdir()?;
        let charges =
            write(folder.path(), "charges.jsonl", &format!("{}{}", line(PAYMENT)?, line(&refund)?))?;
        let settings = write(folder.path(), "settings.toml", &settings)?;
        let settings = settings.to_str().context("a path that is no text")?;
        let out = folder.path().join("books");
        let more = ["--settings", settings, "--project", "acme", "--as-of", "2026-03-14T22:30:00Z"];
        process(&Binary::under_test()?, &charges, &out, &more)?.with(0).context(what)?;
        let books = Books::in_folder(&out);
        let rows: Vec<Value> = books.lines("revenue.daily")?.iter().map(|l| timeless(&l.value)).collect();
        ensure!(rows == [expected.clone()], "{what}: {rows:?} instead of {expected}");
        let letters = &books.summary()?["dead_letters"];
        let found = letters["event_id_conflict"].as_u64().unwrap_or(0);
        ensure!(found == conflicts, "{what}: {letters}");
    }
    Ok(())
}

#[test]
fn by_http() -> Result<()> {
    // Events without a time of their own count on the day that they are sent; so not around midnight.
    for attempt in 0.. {
        let before = today()?;
        let outcome = over_http(&before);
        if today()? == before || attempt > 0 {
            return outcome;
        }
    }
    Ok(())
}

fn today() -> Result<String> {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let now = Timestamp::from_millisecond(now_ms.try_into()?).map_err(|error| anyhow!("{error}"))?;
    Ok(now.to_string().chars().take(10).collect())
}

fn over_http(day: &str) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = Binary::under_test()?;
    let config = write_config(folder.path(), "127.0.0.1:0")?;
    let both = format!("{SETTINGS}[printed]\ncurrency = \"USD\"\n");
    apply(&binary, folder.path(), &config, &both)?;
    let instance = Instance::run(&binary, &config)?;
    for (project, body) in [
        ("acme", PAYMENT),
        ("acme", &refund_with_an_id_of_its_own()),
        ("printed", PAYMENT),
        ("printed", REFUND),
    ] {
        let answer = instance.track(project, body.as_bytes())?;
        ensure!(answer.status == 202, "{project}: {} {}", answer.status, answer.body);
        ensure!(answer.json()? == json!({"accepted": 1, "rejected": []}), "{}", answer.body);
    }
    instance.settle()?;
    let mut printed = row_of_payment(day);
    printed["project_id"] = json!("printed");
    let rows: Vec<Value> =
        instance.records("revenue.daily")?.iter().map(|r| Ok(timeless(&r.json()?))).collect::<Result<_>>()?;
    ensure!(rows == [row(day), printed], "{rows:?}");
    let letters = instance.records("charges.dlq")?;
    let reasons: Vec<Option<&str>> = letters.iter().map(|letter| letter.header("daybook-reason")).collect();
    ensure!(reasons == [Some("event_id_conflict")], "{reasons:?}");

    let days = daybook_tests::wait::until("the API to show the day", Duration::from_secs(10), || {
        let answer = instance.get("/api/v1/projects/acme/revenue/daily")?;
        let shown = answer.status == 200 && answer.json()?["days"][0]["revision"] == 2;
        if shown { answer.json().map(Some) } else { Ok(None) }
    })?;
    ensure!(days["days"][0]["net_revenue"] == "260.28", "{days}");
    instance.stop()?;
    binary.run([Path::new("verify"), &folder.path().join("log")])?.with(0)?;
    Ok(())
}

fn apply(binary: &Binary, folder: &Path, config: &Path, settings: &str) -> Result<String> {
    let settings = write(folder, "settings.toml", settings)?;
    let arguments = [Path::new("settings"), Path::new("apply"), Path::new("--file"), &settings];
    let ended = binary.run(arguments.into_iter().chain([Path::new("--config"), config]))?;
    Ok(ended.with(0)?.stdout.clone())
}

#[test]
fn settings_reach_a_running_instance() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = Binary::under_test()?;
    // `settings apply` has to know the port beforehand.
    let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let config = write_config(folder.path(), &free.to_string())?;
    let instance = Instance::run(&binary, &config)?;
    let refused = instance.track("acme", PAYMENT.as_bytes())?;
    ensure!(refused.status == 202, "the journal decides, not the gateway: {}", refused.body);
    instance.settle()?;
    let said = apply(&binary, folder.path(), &config, SETTINGS)?;
    ensure!(said.starts_with("acme: applied\n  currency: USD (new)\n"), "{said}");
    let paid = PAYMENT.replace(PLACEHOLDER, "0191f9c2-7b5e-7cc1-9d3e-0f6a1f2b3c4d");
    ensure!(instance.track("acme", paid.as_bytes())?.status == 202, "not taken");
    instance.settle()?;
    let letters = instance.records("charges.dlq")?;
    let reasons: Vec<Option<&str>> = letters.iter().map(|letter| letter.header("daybook-reason")).collect();
    ensure!(reasons == [Some("currency_missing")], "{reasons:?}");
    let rows = instance.records("revenue.daily")?;
    ensure!(rows.len() == 1 && rows[0].json()?["gross_sales_minor"] == 27_128, "{rows:?}");
    instance.stop()
}
