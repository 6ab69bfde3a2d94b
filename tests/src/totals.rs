//! Books compared with what the independent model says of the same records.

use std::collections::BTreeMap;
use std::fmt::Debug;

use anyhow::{Context, Result, bail, ensure};
use daybook_sim::model::{Daily, Totals};
use serde_json::Value;

use crate::books::Books;

/// Accounts by name, as the model has them.
const ACCOUNTS: [&str; 6] = ["Income", "Assets", "Payable", "Refund", "Chargeback", "Writeoff"];

/// Differences that are shown.
const SHOWN_MAX: usize = 10;

/// Compares daily figures, balances, points and all counts.
///
/// # Errors
/// They differ, or the books can't be read.
pub fn compare(books: &Books, expected: &Totals) -> Result<()> {
    let found = of(books)?;
    let mut differences = Vec::new();
    for (what, found, expected) in [
        ("accepted", found.accepted, expected.accepted),
        ("duplicates", found.duplicates, expected.duplicates),
    ] {
        if found != expected {
            differences.push(format!("{what}: {found} found, {expected} expected"));
        }
    }
    differ("dead letters", &found.dead_letters, &expected.dead_letters, &mut differences);
    differ("day", &found.daily, &expected.daily, &mut differences);
    differ("balance", &found.balances, &expected.balances, &mut differences);
    differ("points", &found.points, &expected.points, &mut differences);
    if differences.is_empty() {
        return Ok(());
    }
    let count = differences.len();
    differences.truncate(SHOWN_MAX);
    bail!("{count} differences from the model, among them:\n{}", differences.join("\n"))
}

fn differ<K: Ord + Debug, V: PartialEq + Debug>(
    what: &str,
    found: &BTreeMap<K, V>,
    expected: &BTreeMap<K, V>,
    differences: &mut Vec<String>,
) {
    let missing = expected.keys().filter(|key| !found.contains_key(key));
    for key in found.keys().chain(missing) {
        let (found, expected) = (found.get(key), expected.get(key));
        if found != expected {
            differences.push(format!("{what} {key:?}: {found:?} found, {expected:?} expected"));
        }
    }
}

/// The books in the model's terms: what is zero is left out.
fn of(books: &Books) -> Result<Totals> {
    let summary = books.summary()?;
    let mut totals = Totals {
        accepted: number(&summary, "accepted")?,
        duplicates: number(&summary, "duplicates")?,
        ..Totals::default()
    };
    let letters = summary["dead_letters"].as_object().context("the summary has no dead letters")?;
    for (reason, count) in letters {
        totals.dead_letters.insert(reason.clone(), count.as_u64().context("a count is no number")?);
    }
    let letters = u64::try_from(books.lines("charges.dlq")?.len())?;
    let counted: u64 = totals.dead_letters.values().sum();
    ensure!(letters == counted, "{letters} dead letters are written, {counted} counted");

    for line in books.lines("revenue.daily")? {
        let row = &line.value;
        let key = (text(row, "project_id")?, text(row, "economic_day")?, text(row, "currency")?);
        ensure!(number::<u64>(row, "chargeback_count")? == 0, "a Track envelope has made a chargeback");
        let daily = Daily {
            gross_sales_minor: number(row, "gross_sales_minor")?,
            refunds_minor: number(row, "refunds_minor")?,
            chargebacks_minor: number(row, "chargebacks_minor")?,
            gross_revenue_minor: number(row, "gross_revenue_minor")?,
            platform_fees_minor: number(row, "platform_fees_minor")?,
            net_revenue_minor: number(row, "net_revenue_minor")?,
            transaction_count: number(row, "transaction_count")?,
            refund_count: number(row, "refund_count")?,
        };
        if daily != Daily::default() {
            let again = totals.daily.insert(key, daily);
            ensure!(again.is_none(), "{} has two rows", line.key);
        }
    }
    for line in books.lines("accounts.balances")? {
        let row = &line.value;
        let account = text(row, "account")?;
        let account = ACCOUNTS.into_iter().find(|known| *known == account).context("an unknown account")?;
        let key = (text(row, "project_id")?, text(row, "organization")?, account, text(row, "currency")?);
        let balance: i128 = number(row, "balance_minor")?;
        if balance != 0 {
            let again = totals.balances.insert(key, balance);
            ensure!(again.is_none(), "{} has two rows", line.key);
        }
    }
    for line in books.lines("rewards.balances")? {
        let row = &line.value;
        ensure!(number::<i64>(row, "pending_points")? == 0, "{} has pending points", line.key);
        let available = number(row, "available_points")?;
        if available != 0 {
            let again = totals.points.insert((text(row, "project_id")?, text(row, "user_id")?), available);
            ensure!(again.is_none(), "{} has two rows", line.key);
        }
    }
    Ok(totals)
}

fn text(row: &Value, name: &str) -> Result<String> {
    row[name].as_str().map(str::to_owned).with_context(|| format!("{name} is no text in {row}"))
}

fn number<T: TryFrom<i64>>(row: &Value, name: &str) -> Result<T> {
    let number = row[name].as_i64().and_then(|number| T::try_from(number).ok());
    number.with_context(|| format!("{name} is no such number in {row}"))
}
