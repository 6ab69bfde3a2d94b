//! `verify` notices every forgery, and says which invariant it breaks.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use daybook_tests::binary::Binary;
use daybook_tests::books::Books;
use daybook_tests::formats;
use daybook_tests::traffic::check_processing;

/// Replaces the first number after `field` by one that is larger by 1.
fn raise(line: &str, field: &str) -> String {
    let Some(start) = line.find(field).map(|at| at + field.len()) else { return line.to_owned() };
    let digits = line[start..].chars().take_while(|c| c.is_ascii_digit() || *c == '-').count();
    let number: i64 = line[start..start + digits].parse().unwrap_or_default();
    format!("{}{}{}", &line[..start], number + 1, &line[start + digits..])
}

/// The hash of the entry before, as a line has it.
fn hash(line: &str) -> Option<String> {
    let field = "\"previous_hash\":\"";
    let start = line.find(field)? + field.len();
    line.get(start..start + 64).map(str::to_owned)
}

/// Gives two entries in the middle each other's hash.
fn swap_hashes(lines: &mut [String]) {
    let at = lines.len() / 2;
    let (Some(one), Some(other)) = (hash(&lines[at]), hash(&lines[at + 1])) else { return };
    lines[at] = lines[at].replace(&one, &other);
    lines[at + 1] = lines[at + 1].replace(&other, &one);
}

type Forgery = (&'static str, &'static str, fn(&mut Vec<String>), &'static [&'static str]);

/// What is forged, in which topic, how, and the numbers of the invariants that must be named.
const FORGERIES: [Forgery; 10] = [
    ("an amount", "ledger.entries", |lines| change(lines, "\"amount_minor\":"), &["3", "4", "6"]),
    (
        "an entry dropped",
        "ledger.entries",
        |lines| drop(lines.remove(lines.len() / 2)),
        &["2", "3", "4", "6"],
    ),
    ("the last entry dropped", "ledger.entries", |lines| drop(lines.pop()), &["2", "3", "6"]),
    ("an entry repeated", "ledger.entries", |lines| lines.insert(1, lines[0].clone()), &["2", "3", "4", "6"]),
    ("hashes swapped", "ledger.entries", |lines| swap_hashes(lines), &["4", "6"]),
    ("a day's figure", "revenue.daily", |lines| change(lines, "\"gross_sales_minor\":"), &["3", "6"]),
    ("a balance", "accounts.balances", |lines| change(lines, "\"balance_minor\":"), &["1", "3", "6"]),
    ("a balance dropped", "accounts.balances", |lines| drop(lines.pop()), &["6"]),
    ("a user's points", "rewards.balances", |lines| change(lines, "\"available_points\":"), &["6"]),
    ("a dead letter dropped", "charges.dlq", |lines| drop(lines.pop()), &["2"]),
];

/// Of books in which every output has something to say.
const FORGERIES_OF_ALL: [Forgery; 14] = [
    ("a share", "revenue.allocations", |lines| change(lines, "\"allocated_amount_minor\":"), &["6"]),
    ("an allocation dropped", "revenue.allocations", |lines| drop(lines.pop()), &["6"]),
    ("points earned", "rewards.points", |lines| change(lines, "\"available_delta\":"), &["6"]),
    ("a day's spend", "spend.daily", |lines| change(lines, "\"ad_spend_minor\":"), &["6"]),
    ("a day's profit", "profit.daily", |lines| change(lines, "\"profit_minor\":"), &["6"]),
    (
        "a day's roas",
        "profit.daily",
        |lines| lines[0] = lines[0].replace("\"roas\":\"", "\"roas\":\"1"),
        &["6"],
    ),
    ("a month's profit", "profit.monthly", |lines| change(lines, "\"profit_minor\":"), &["6"]),
    ("a month dropped", "profit.monthly", |lines| drop(lines.pop()), &["6"]),
    ("the owner's profit", "owner-profit.daily", |lines| change(lines, "\"owner_profit_minor\":"), &["6"]),
    ("a partner's day", "allocations.daily", |lines| change(lines, "\"total_allocated_minor\":"), &["6"]),
    ("a KPI", "kpis.daily", |lines| change(lines, "\"net_sales_minor\":"), &["6"]),
    ("a client's value", "customers.profile", |lines| change(lines, "\"value_minor\":"), &["6"]),
    (
        "a row repeated under another key",
        "customers.profile",
        |lines| lines.push(lines[0].replace("acme/", "acmf/")),
        &["6"],
    ),
    ("a dead letter of spend dropped", "spend.dlq", |lines| drop(lines.pop()), &["2"]),
];

/// Raises a field's number in the middle of a topic.
pub fn change(lines: &mut [String], field: &str) {
    let middle = lines.len() / 2;
    if let Some(line) = lines.iter_mut().skip(middle).find(|line| line.contains(field)) {
        *line = raise(line, field);
    }
}

#[test]
fn every_forgery_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = Binary::under_test()?;
    let books = check_processing(&binary, folder.path(), 4_000, 4_000)?;
    check(&binary, &books, folder.path(), &FORGERIES)
}

#[test]
fn every_forgery_of_every_output_is_named() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let binary = Binary::under_test()?;
    let books = formats::books(&binary, folder.path())?;
    let silent =
        formats::PROJECTED.iter().find(|topic| books.lines(topic).is_ok_and(|lines| lines.is_empty()));
    ensure!(silent.is_none(), "{silent:?} says nothing");
    check(&binary, &books, folder.path(), &FORGERIES_OF_ALL)
}

fn check(binary: &Binary, books: &Books, folder: &Path, forgeries: &[Forgery]) -> Result<()> {
    let untouched = binary.run([Path::new("verify"), books.folder()])?;
    ensure!(!untouched.with(0)?.stdout.contains("BROKEN"), "{}", untouched.stdout);
    for (number, (what, topic, edit, broken)) in forgeries.iter().enumerate() {
        let forged = books.forged(&folder.join(number.to_string()), topic, edit).context(*what)?;
        let ended = binary.run([Path::new("verify"), forged.folder()])?;
        ended.with(3).context(*what)?;
        let lines = ended.stdout.lines().filter_map(|line| line.strip_prefix("BROKEN"));
        let named: Vec<&str> = lines.filter_map(|line| line.split_whitespace().next()).collect();
        for invariant in *broken {
            ensure!(
                named.contains(invariant),
                "{what}: {invariant} is not among {named:?}\n{}",
                ended.stdout
            );
        }
        ensure!(ended.stderr.contains("do not hold"), "{what}: {}", ended.stderr);
    }
    Ok(())
}
