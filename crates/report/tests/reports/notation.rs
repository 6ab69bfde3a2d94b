//! Entries in a few words.

use daybook_core::party::Account;
use daybook_report::entries::{Entry, Posting};

/// An entry in USD, on behalf of `shop`. A posting reads `ann/Payable -> shop/Assets 100`; `for beta` behind it names
/// another provider.
pub fn entry(number: u64, day: &str, kind: &str, postings: &[&str]) -> Entry {
    Entry {
        project_id: "shop".to_owned(),
        entry_number: number,
        event_id: format!("e{number}"),
        event_line: 0,
        kind: kind.to_owned(),
        corrects: None,
        charge_id: None,
        economic_day: day.parse().expect("a day"),
        currency: "USD".to_owned(),
        minor_digits: 2,
        flags: Vec::new(),
        descr: None,
        postings: postings.iter().map(|text| posting(text)).collect(),
    }
}

/// An adjusting entry.
pub fn adjustment(number: u64, corrects: u64, day: &str, postings: &[&str]) -> Entry {
    Entry { corrects: Some(corrects), ..entry(number, day, "adjustment", postings) }
}

/// The same in another currency.
pub fn with_currency(entry: Entry, currency: &str, minor_digits: u32) -> Entry {
    Entry { currency: currency.to_owned(), minor_digits, ..entry }
}

/// The same in another project's books.
pub fn with_project(entry: Entry, project: &str) -> Entry {
    Entry { project_id: project.to_owned(), ..entry }
}

fn posting(text: &str) -> Posting {
    let (text, provider) = text.split_once(" for ").unwrap_or((text, "shop"));
    let (orig, rest) = text.split_once(" -> ").expect("a posting has an arrow");
    let (dest, amount) = rest.rsplit_once(' ').expect("a posting has an amount");
    let (orig_organization, orig_account) = side(orig);
    let (dest_organization, dest_account) = side(dest);
    let amount_minor = amount.parse().expect("minor units");
    let provider = provider.to_owned();
    Posting { orig_organization, orig_account, dest_organization, dest_account, amount_minor, provider }
}

fn side(text: &str) -> (String, Account) {
    let (organization, account) = text.rsplit_once('/').expect("a side has an account");
    (organization.to_owned(), Account::from_name(account).expect("one of the six"))
}
