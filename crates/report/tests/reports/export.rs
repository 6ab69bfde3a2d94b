//! Section 9, exports: the text of each format.

use daybook_report::entries::Entry;
use daybook_report::export::{ExportError, Format, exporter};

use crate::notation::{adjustment, entry, with_currency};

fn exported(format: Format, entries: &[Entry]) -> Result<String, ExportError> {
    let mut text = Vec::new();
    let mut export = exporter(format, &mut text)?;
    entries.iter().try_for_each(|entry| export.entry(entry))?;
    export.finish()?;
    Ok(String::from_utf8(text).expect("text"))
}

/// What stands behind the beginning of the text.
fn check(format: Format, entries: &[Entry], expected: &str) {
    let text = exported(format, entries).expect("entries that can be exported");
    let beginning = exported(format, &[]).expect("an empty export");
    let found = text.strip_prefix(&beginning).expect("the same beginning");
    assert_eq!(found, expected, "{format:?}\n{found}");
}

/// All that an entry can have, with a name that no tool would take.
fn payment() -> Entry {
    let postings = ["shop/Income -> a b;/Payable 1234", "a b;/Payable -> shop/Assets 1234"];
    Entry {
        event_id: "e\"1".to_owned(),
        event_line: 3,
        charge_id: Some("c:1".to_owned()),
        flags: vec!["late_payback".to_owned(), "unmatched".to_owned()],
        descr: Some("Blue \"shirt\"; new".to_owned()),
        ..entry(1, "2026-01-20", "payment", &postings)
    }
}

fn back() -> Entry {
    adjustment(2, 1, "2026-01-19", &["shop/Assets -> a b;/Payable 1 for x, y"])
}

fn noted() -> Entry {
    entry(3, "2026-01-21", "noted", &[])
}

#[test]
fn ledger() {
    let paid = "
commodity USD
    format 1000.00 USD
account shop:a%20b%3B:Payable
account shop:shop:Income
account shop:shop:Assets
2026-01-20 * (shop:1) payment | Blue %22shirt%22%3B new
    ; event: e%221
    ; line: 3
    ; charge: c%3A1
    ; flags: late_payback unmatched
    shop:a%20b%3B:Payable  12.34 USD  ; provider: shop
    shop:shop:Income  -12.34 USD  ; provider: shop
    shop:shop:Assets  12.34 USD  ; provider: shop
    shop:a%20b%3B:Payable  -12.34 USD  ; provider: shop
";
    let corrected = "
2026-01-19 * (shop:2) adjustment
    ; event: e2
    ; line: 0
    ; corrects: 1
    shop:a%20b%3B:Payable  0.01 USD  ; provider: x%2C y
    shop:shop:Assets  -0.01 USD  ; provider: x%2C y
";
    let nothing = "
; 2026-01-21 * (shop:3) noted
;     ; event: e3
;     ; line: 0
";
    check(Format::Ledger, &[payment(), back(), noted()], &format!("{paid}{corrected}{nothing}"));
    let early = exported(Format::Ledger, &[entry(7, "1399-12-31", "noted", &[])]).map_err(|e| e.to_string());
    let says = "entry 7 of shop is of 1399-12-31, and ledger knows no year before 1400";
    assert_eq!(early, Err(says.to_owned()));
}

#[test]
fn hledger() {
    let paid = "
commodity 1000.00 USD
account shop:a%20b%3B:Payable
account shop:shop:Income
account shop:shop:Assets
2026-01-20 * (shop:1) payment | Blue %22shirt%22%3B new
    ; event: e%221
    ; line: 3
    ; charge: c%3A1
    ; flags: late_payback unmatched
    shop:a%20b%3B:Payable  12.34 USD  ; provider: shop
    shop:shop:Income  -12.34 USD  ; provider: shop
    shop:shop:Assets  12.34 USD  ; provider: shop
    shop:a%20b%3B:Payable  -12.34 USD  ; provider: shop
";
    let nothing = "
2026-01-21 * (shop:3) noted
    ; event: e3
    ; line: 0
";
    check(Format::Hledger, &[payment(), noted()], &format!("{paid}{nothing}"));
}

#[test]
fn beancount() {
    let paid = r#"
0001-01-01 commodity USD
0001-01-01 open Liabilities:Shop:A-20b-3B:Payable
  organization: "a b;"
0001-01-01 open Income:Shop:Shop:Income
  organization: "shop"
0001-01-01 open Assets:Shop:Shop:Assets
  organization: "shop"
2026-01-20 * "payment" "Blue \"shirt\"; new"
  project: "shop"
  entry: 1
  event: "e\"1"
  line: 3
  charge: "c:1"
  flags: "late_payback unmatched"
  Liabilities:Shop:A-20b-3B:Payable  12.34 USD
    provider: "shop"
  Income:Shop:Shop:Income  -12.34 USD
    provider: "shop"
  Assets:Shop:Shop:Assets  12.34 USD
    provider: "shop"
  Liabilities:Shop:A-20b-3B:Payable  -12.34 USD
    provider: "shop"
"#;
    let corrected = r#"
2026-01-19 * "adjustment" ""
  project: "shop"
  entry: 2
  event: "e2"
  line: 0
  corrects: 1
  Liabilities:Shop:A-20b-3B:Payable  0.01 USD
    provider: "x, y"
  Assets:Shop:Shop:Assets  -0.01 USD
    provider: "x, y"
"#;
    let nothing = r#"
2026-01-21 * "noted" ""
  project: "shop"
  entry: 3
  event: "e3"
  line: 0
"#;
    check(Format::Beancount, &[payment(), back(), noted()], &format!("{paid}{corrected}{nothing}"));
}

#[test]
fn csv() {
    let rows = "\
shop,1,2026-01-20,payment,\"e\"\"1\",3,,c:1,late_payback unmatched,\"Blue \"\"shirt\"\"; new\",shop,Income,a b;,Payable,12.34,1234,USD,shop
shop,1,2026-01-20,payment,\"e\"\"1\",3,,c:1,late_payback unmatched,\"Blue \"\"shirt\"\"; new\",a b;,Payable,shop,Assets,12.34,1234,USD,shop
shop,2,2026-01-19,adjustment,e2,0,1,,,,shop,Assets,a b;,Payable,0.01,1,USD,\"x, y\"
shop,3,2026-01-21,noted,e3,0,,,,,,,,,,,USD,
";
    check(Format::Csv, &[payment(), back(), noted()], rows);
}

/// The tools learn a currency's digits from how it is declared.
#[test]
fn digits() {
    for (currency, digits, ledger, hledger, amount) in [
        ("JPY", 0, "format 1000 JPY\n", "commodity 1000. JPY\n", "  1234 JPY"),
        ("USD", 2, "format 1000.00 USD\n", "commodity 1000.00 USD\n", "  12.34 USD"),
        ("KWD", 3, "format 1000.000 KWD\n", "commodity 1000.000 KWD\n", "  1.234 KWD"),
        ("CLF", 4, "format 1000.0000 CLF\n", "commodity 1000.0000 CLF\n", "  0.1234 CLF"),
    ] {
        let entries = [with_currency(payment(), currency, digits)];
        for (format, declared) in
            [(Format::Ledger, ledger), (Format::Hledger, hledger), (Format::Beancount, "")]
        {
            let text = exported(format, &entries).expect("an entry that can be exported");
            assert!(text.contains(declared) && text.contains(amount), "{text}");
        }
    }
}
