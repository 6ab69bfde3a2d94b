//! A headless browser, and the figures on the page that it shows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::binary::finish;

/// Names the browser, where it is not called `chromium`.
const BROWSER: &str = "DAYBOOK_CHROMIUM";
/// Time that passes on the page before its elements are looked at: several of its refreshes.
const BUDGET_MS: u32 = 5_000;

/// Figures by name and attributes.
pub type Figures = BTreeMap<String, String>;

/// Columns of the headline, of a day and of the counters, as page and API name them.
const HEADLINE: [&str; 6] =
    ["gross_sales", "refunds", "chargebacks", "platform_fees", "net_revenue", "transaction_count"];
const DAY: [&str; 10] = [
    "gross_sales",
    "refunds",
    "chargebacks",
    "gross_revenue",
    "platform_fees",
    "net_revenue",
    "transaction_count",
    "refund_count",
    "chargeback_count",
    "revision",
];
const COUNTERS: [&str; 4] = ["accepted", "duplicates", "dead_letters", "entries"];

/// The elements of a page after its script has run.
///
/// # Errors
/// The browser can't be run or shows nothing.
pub fn dump(url: &str, profile: &Path) -> Result<String> {
    let browser = std::env::var_os(BROWSER).map_or_else(|| PathBuf::from("chromium"), PathBuf::from);
    let mut command = Command::new(browser);
    command.args([
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--dump-dom",
    ]);
    command.arg(format!("--virtual-time-budget={BUDGET_MS}"));
    command.arg(format!("--user-data-dir={}", profile.display())).arg(url);
    let ended = finish(&mut command).context("is chromium installed?")?;
    ended.with(0)?;
    ensure!(ended.stdout.contains("</html>"), "the browser shows nothing: {}", ended.stderr);
    Ok(ended.stdout)
}

/// Every figure on the page: elements with `data-figure`. Its text must be its `data-value`, digits grouped.
///
/// # Errors
/// A figure is there twice, has no value, or shows another.
pub fn shown(dom: &str) -> Result<Figures> {
    let mut figures = Figures::new();
    for tag in dom.split('<').filter(|tag| tag.contains("data-figure=")) {
        let (tag, text) = tag.split_once('>').context("a tag has no end")?;
        let mut attributes = attributes(tag);
        let name = attributes.remove("data-figure").unwrap_or_default();
        let value = attributes.remove("data-value").with_context(|| format!("{name} has no value: {tag}"))?;
        ensure!(text == grouped(&value), "{name} is {value}, but the page shows {text}");
        let marks = ["project", "currency", "day", "account", "organization", "reason"];
        let marks: Vec<(&str, String)> = marks
            .into_iter()
            .filter_map(|mark| Some((mark, attributes.remove(&format!("data-{mark}"))?)))
            .collect();
        let marks: Vec<(&str, &str)> = marks.iter().map(|(mark, value)| (*mark, value.as_str())).collect();
        let again = figures.insert(key(&name, &marks), value);
        ensure!(again.is_none(), "{name} {marks:?} is there twice");
    }
    Ok(figures)
}

/// Every figure that the page must show of a project's overview.
///
/// # Errors
/// The overview lacks one.
pub fn expected(overview: &Value) -> Result<Figures> {
    let mut figures = Figures::new();
    let project = text(&overview["project"])?;
    let mut put = |name: &str, marks: &[(&str, &str)], value: &Value| -> Result<()> {
        let marks: Vec<(&str, &str)> =
            [("project", project.as_str())].into_iter().chain(marks.to_vec()).collect();
        let value = text(value).with_context(|| format!("{name} {marks:?}"))?;
        figures.insert(key(name, &marks), value);
        Ok(())
    };
    for name in COUNTERS {
        put(name, &[], &overview["counters"][name])?;
    }
    for row in list(&overview["today"]["figures"])? {
        let (currency, day) = (text(&row["currency"])?, text(&row["economic_day"])?);
        for name in HEADLINE {
            put(name, &[("currency", &currency), ("day", &day)], &row[name])?;
        }
    }
    for row in list(&overview["days"])? {
        let (currency, day) = (text(&row["currency"])?, text(&row["economic_day"])?);
        for name in DAY {
            put(&format!("daily_{name}"), &[("currency", &currency), ("day", &day)], &row[name])?;
        }
    }
    for row in list(&overview["balances"]["currencies"])? {
        let currency = text(&row["currency"])?;
        put("balance_sum", &[("currency", &currency)], &row["sum"])?;
        for account in list(&row["accounts"])? {
            let organization = account["organization"].as_str().unwrap_or("customers");
            let name = text(&account["account"])?;
            let marks = [("currency", currency.as_str()), ("account", &name), ("organization", organization)];
            put("balance", &marks, &account["balance"])?;
        }
    }
    for row in list(&overview["dead_letters"]["by_reason"])? {
        put("dead_letters_by_reason", &[("reason", &text(&row["reason"])?)], &row["count"])?;
    }
    Ok(figures)
}

fn key(name: &str, marks: &[(&str, &str)]) -> String {
    let mut marks: Vec<String> = marks.iter().map(|(mark, value)| format!(" {mark}={value}")).collect();
    marks.sort();
    format!("{name}{}", marks.concat())
}

/// `name="value"` pairs of a tag, as a browser writes them.
fn attributes(tag: &str) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    let mut rest = tag;
    while let Some((before, after)) = rest.split_once("=\"") {
        let Some((value, next)) = after.split_once('"') else { break };
        let name = before.rsplit(char::is_whitespace).next().unwrap_or_default();
        let value =
            value.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        attributes.insert(name.to_owned(), value);
        rest = next;
    }
    attributes
}

/// `-1234567.80` as `-1,234,567.80`.
fn grouped(value: &str) -> String {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    let digits = whole.trim_start_matches('-');
    let mut grouped: String = whole.chars().take_while(|c| *c == '-').collect();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if value.contains('.') {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}

fn list(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().with_context(|| format!("no list: {value}"))
}

fn text(value: &Value) -> Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        other => anyhow::bail!("neither text nor number: {other}"),
    }
}
