//! Records of `ledger.entries` as exports and reports need them: all that people want to see, every field checked.

use daybook_core::party::Account;
use jiff::civil::Date;
use serde::de::{Deserialize, Deserializer, Error};

/// Digits after the point beyond which a record is not believed; no currency has more than 4.
const MINOR_DIGITS_MAX: u32 = 9;

/// A movement of an amount from one organization's account to another.
#[derive(Clone, Debug, serde::Deserialize, PartialEq, Eq)]
pub struct Posting {
    /// Source organization.
    pub orig_organization: String,
    /// Source account.
    #[serde(deserialize_with = "account")]
    pub orig_account: Account,
    /// Target organization.
    pub dest_organization: String,
    /// Target account.
    #[serde(deserialize_with = "account")]
    pub dest_account: Account,
    /// Minor units, above 0.
    #[serde(deserialize_with = "amount")]
    pub amount_minor: i64,
    /// On whose behalf.
    pub provider: String,
}

impl Posting {
    /// Both of its legs: organization, account, and what the account gains in minor units; the target first, as
    /// seed 001 writes them.
    #[must_use]
    pub fn legs(&self) -> [(&str, Account, i64); 2] {
        [
            (&self.dest_organization, self.dest_account, self.amount_minor),
            (&self.orig_organization, self.orig_account, -self.amount_minor),
        ]
    }
}

/// An entry of the ledger.
#[derive(Clone, Debug, serde::Deserialize, PartialEq, Eq)]
pub struct Entry {
    /// The project.
    pub project_id: String,
    /// Its number there.
    pub entry_number: u64,
    /// Id of the event that it is about.
    pub event_id: String,
    /// Line of that event in its envelope.
    pub event_line: u32,
    /// Kind of the event, or `adjustment`.
    pub kind: String,
    /// Of an adjustment, the number of the entry that it corrects.
    pub corrects: Option<u64>,
    /// Reference of the charge.
    pub charge_id: Option<String>,
    /// Day that it counts on.
    #[serde(deserialize_with = "day")]
    pub economic_day: Date,
    /// ISO 4217 code of its currency.
    #[serde(deserialize_with = "currency")]
    pub currency: String,
    /// Digits after the point.
    #[serde(deserialize_with = "minor_digits")]
    pub minor_digits: u32,
    /// What is odd about the event.
    pub flags: Vec<String>,
    /// Free text of the event.
    pub descr: Option<String>,
    /// What it posts, possibly nothing.
    pub postings: Vec<Posting>,
}

impl Entry {
    /// Reads the value of a record.
    ///
    /// # Errors
    /// It is no entry: a field is missing, or is not as it is published.
    pub fn read(value: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(value)
    }
}

fn account<'de, D: Deserializer<'de>>(from: D) -> Result<Account, D::Error> {
    let name = String::deserialize(from)?;
    Account::from_name(&name).ok_or_else(|| D::Error::custom(format!("there is no account {name}")))
}

fn amount<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let amount = i64::deserialize(from)?;
    if amount > 0 { Ok(amount) } else { Err(D::Error::custom(format!("a posting of {amount}"))) }
}

fn day<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
    let text = String::deserialize(from)?;
    Date::strptime("%Y-%m-%d", &text).map_err(|_| D::Error::custom(format!("{text} is no day")))
}

fn currency<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let code = String::deserialize(from)?;
    let is_code = code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase());
    if is_code { Ok(code) } else { Err(D::Error::custom(format!("{code} is no currency"))) }
}

fn minor_digits<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let digits = u32::deserialize(from)?;
    let few = digits <= MINOR_DIGITS_MAX;
    if few { Ok(digits) } else { Err(D::Error::custom(format!("{digits} digits after the point"))) }
}

#[cfg(test)]
mod tests {
    use super::Entry;

    const ENTRY: &str = r#"{"caused_by":null,"charge_id":"c","charge_state":"settled","corrects":null,
        "currency":"USD","descr":null,"economic_day":"2026-01-20","entry_number":1,"event_id":"e","event_line":0,
        "flags":[],"journal_sequence":1,"kind":"payment","minor_digits":2,"postings":[{"amount_minor":1,
        "dest_account":"Assets","dest_organization":"shop","orig_account":"Payable","orig_organization":"ann",
        "provider":"shop"}],"project_id":"shop"}"#;

    #[test]
    fn what_is_no_entry_is_refused_and_says_why() {
        assert!(Entry::read(ENTRY.as_bytes()).is_ok());
        for (part, instead, says) in [
            (r#""amount_minor":1"#, r#""amount_minor":0"#, "a posting of 0"),
            (r#""amount_minor":1"#, r#""amount_minor":1.5"#, "1.5"),
            ("Assets", "Cash", "no account Cash"),
            ("2026-01-20", "2026-02-30", "2026-02-30 is no day"),
            ("2026-01-20", "20260120", "20260120 is no day"),
            ("USD", "US\\n", "is no currency"),
            (r#""minor_digits":2"#, r#""minor_digits":38"#, "38 digits"),
            (r#""entry_number":1,"#, "", "entry_number"),
        ] {
            let changed = ENTRY.replacen(part, instead, 1);
            assert_ne!(changed, ENTRY, "{part} is not there");
            let said = Entry::read(changed.as_bytes()).map_err(|e| e.to_string());
            assert!(said.as_ref().is_err_and(|said| said.contains(says)), "{instead}: {said:?}");
        }
    }
}
