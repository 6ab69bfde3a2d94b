//! Real accounting tools: what they make of an export.
//!
//! Names are read back here a second time, so that the tests know of the escape only what the documentation says.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::binary::{Binary, Ended, finish};
use crate::books::Books;

/// Balances that are not 0, in minor units, by project, organization, account and currency.
pub type Balances = BTreeMap<[String; 4], i128>;

/// Who reads an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// ledger-cli.
    Ledger,
    /// hledger.
    Hledger,
    /// beancount.
    Beancount,
    /// Whatever reads CSV; here the test itself.
    Csv,
}

impl Tool {
    /// All of them.
    pub const ALL: [Tool; 4] = [Tool::Ledger, Tool::Hledger, Tool::Beancount, Tool::Csv];

    /// The name of its export.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Tool::Ledger => "ledger",
            Tool::Hledger => "hledger",
            Tool::Beancount => "beancount",
            Tool::Csv => "csv",
        }
    }

    /// Has it check an export as strictly as it can.
    ///
    /// # Errors
    /// It complains.
    pub fn accept(self, file: &Path) -> Result<()> {
        let mut command = match self {
            // It checks what it reads, whatever it is asked for.
            Tool::Ledger => ledger(file, &["stats"]),
            Tool::Hledger => hledger(file, &["check", "--strict"]),
            Tool::Beancount => {
                let mut command = Command::new("bean-check");
                command.arg("--no-cache").arg(file);
                command
            }
            Tool::Csv => return Ok(()),
        };
        said(&mut command).map(drop)
    }

    /// The balances that it computes from an export; `before` a day (YYYY-MM-DD), or of everything.
    ///
    /// # Errors
    /// It complains, or what it prints is not understood.
    pub fn balances(self, file: &Path, before: Option<&str>) -> Result<Balances> {
        let mut balances = Balances::new();
        match self {
            Tool::Ledger => {
                let format = "--balance-format=%(account)\t%(join(scrub(display_total)))\\n";
                let mut command = ledger(file, &["balance", "--flat", "--no-total", format]);
                command.args(before.into_iter().flat_map(|day| ["--end", day]));
                for line in said(&mut command)?.stdout.lines() {
                    let (account, amounts) = line.split_once('\t').with_context(|| line.to_owned())?;
                    add(&mut balances, journal_account(account)?, amounts.split("\\n"))?;
                }
            }
            Tool::Hledger => {
                let mut command = hledger(file, &["balance", "--flat", "--no-total", "-O", "csv"]);
                command.args(before.into_iter().flat_map(|day| ["--end", day]));
                for row in rows(&said(&mut command)?.stdout)? {
                    add(&mut balances, journal_account(&row[0])?, row[1].split(", "))?;
                }
            }
            Tool::Beancount => {
                let mut command = Command::new("bean-query");
                let close = before.map(|day| format!("where date < {day} ")).unwrap_or_default();
                let query = format!("select account, sum(position) {close}group by account");
                command.args(["--no-errors", "--format=csv"]).arg(file).arg(query);
                for row in rows(&said(&mut command)?.stdout)? {
                    add(&mut balances, beancount_account(row[0].trim())?, row[1].split(','))?;
                }
            }
            Tool::Csv => csv_balances(file, before, &mut balances)?,
        }
        Ok(balances)
    }
}

/// The balances as published.
///
/// # Errors
/// The books can't be read.
pub fn published(books: &Books) -> Result<Balances> {
    let mut balances = Balances::new();
    for line in books.lines("accounts.balances")? {
        let row = &line.value;
        let text = |name: &str| row[name].as_str().map(str::to_owned).with_context(|| line.key.clone());
        let key = [text("project_id")?, text("organization")?, text("account")?, text("currency")?];
        let balance = row["balance_minor"].as_i64().with_context(|| line.key.clone())?;
        if balance != 0 {
            balances.insert(key, balance.into());
        }
    }
    Ok(balances)
}

/// Exports books for a tool.
///
/// # Errors
/// The command fails.
pub fn export(binary: &Binary, books: &Books, tool: Tool, to: &Path) -> Result<()> {
    let arguments = ["export".as_ref(), tool.name().as_ref(), books.folder().as_os_str()];
    let out = ["--out".as_ref(), to.as_os_str()];
    let ended = binary.run(arguments.into_iter().chain(out))?;
    ensure!(ended.with(0)?.stdout.is_empty(), "{}", ended.stdout);
    Ok(())
}

fn ledger(file: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("ledger");
    // Nobody's own settings; and what is not declared is an error.
    command.args(["--args-only", "--pedantic", "--file"]).arg(file).args(arguments);
    command
}

fn hledger(file: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("hledger");
    // Else it can't read letters that are not ASCII.
    command.env("LC_ALL", "C.UTF-8").args(arguments).arg("--file").arg(file);
    command
}

/// Runs a tool that must not complain.
fn said(command: &mut Command) -> Result<Ended> {
    let ended = finish(command).context("`cargo xtask ci` installs the accounting tools")?;
    ensure!(ended.with(0)?.stderr.is_empty(), "{command:?}: {}", ended.stderr);
    Ok(ended)
}

fn rows(text: &str) -> Result<Vec<csv::StringRecord>> {
    Ok(csv::Reader::from_reader(text.as_bytes()).records().collect::<csv::Result<_>>()?)
}

fn csv_balances(file: &Path, before: Option<&str>, balances: &mut Balances) -> Result<()> {
    for row in csv::Reader::from_path(file)?.deserialize() {
        let row: BTreeMap<String, String> = row?;
        let text = |name: &str| row.get(name).cloned().with_context(|| format!("no column {name}"));
        if text("amount")?.is_empty() || before.is_some_and(|day| row["economic_day"].as_str() >= day) {
            continue;
        }
        for (side, sign) in [("orig", "-"), ("dest", "")] {
            let (organization, account) = (format!("{side}_organization"), format!("{side}_account"));
            let account = [text("project_id")?, text(&organization)?, text(&account)?];
            let amount = format!("{sign}{} {}", text("amount")?, text("currency")?);
            add(balances, account, [amount.as_str()].into_iter())?;
        }
    }
    Ok(())
}

/// Adds amounts such as `-12.34 USD`, which have all of their currency's digits.
fn add<'a>(
    balances: &mut Balances,
    account: [String; 3],
    amounts: impl Iterator<Item = &'a str>,
) -> Result<()> {
    for amount in amounts.map(str::trim).filter(|amount| !amount.is_empty() && *amount != "0") {
        let (number, currency) = amount.split_once(' ').with_context(|| amount.to_owned())?;
        let (number, currency) = (number.trim(), currency.trim());
        let digits = number.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let expected = match currency {
            "JPY" => 0,
            "KWD" => 3,
            "CLF" => 4,
            _ => 2,
        };
        ensure!(digits == expected, "{amount} has {digits} digits");
        let minor: i128 = number.replace('.', "").parse().with_context(|| amount.to_owned())?;
        let [project, organization, account] = account.clone();
        let key = [project, organization, account, currency.to_owned()];
        *balances.entry(key.clone()).or_default() += minor;
        if balances[&key] == 0 {
            balances.remove(&key);
        }
    }
    Ok(())
}

/// Long parts are cut by `%:`.
fn journal_account(name: &str) -> Result<[String; 3]> {
    let name = name.replace("%:", "");
    let parts: Vec<String> = name.split(':').map(|part| unescaped(part, '%')).collect::<Result<_>>()?;
    parts.try_into().map_err(|_| anyhow::anyhow!("{name} has not three parts"))
}

/// A small first letter has become a capital one; `X` stands before what else can't begin.
fn beancount_account(name: &str) -> Result<[String; 3]> {
    let (_root, rest) = name.split_once(':').with_context(|| name.to_owned())?;
    let parts: Vec<&str> = rest.split(':').collect();
    ensure!(parts.len() == 3, "{name} has not four parts");
    let read = |part: &str| match part.strip_prefix('X') {
        Some(rest) => unescaped(rest, '-'),
        None => {
            let (first, rest) = part.split_at(1);
            unescaped(&format!("{}{rest}", first.to_ascii_lowercase()), '-')
        }
    };
    Ok([read(parts[0])?, read(parts[1])?, parts[2].to_owned()])
}

fn unescaped(text: &str, mark: char) -> Result<String> {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some((before, after)) = rest.split_once(mark) {
        let digits = after.get(..2).with_context(|| text.to_owned())?;
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(digits, 16)?);
        rest = &after[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(String::from_utf8(bytes)?)
}
