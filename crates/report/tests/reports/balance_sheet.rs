//! Section 9, balance sheet.

use daybook_report::balance_sheet::{BalanceSheet, BalanceSheets};
use daybook_report::entries::Entry;

use crate::notation::{adjustment, entry, with_currency, with_project};

/// Provider, currency, then assets, income, expenses, liabilities, fees and receivable.
type Row = (&'static str, &'static str, [i128; 6]);

fn check(what: &str, entries: &[Entry], as_of: Option<&str>, expected: &[Row]) {
    let mut sheets = BalanceSheets::at(as_of.map(|day| day.parse().expect("a day")));
    entries.iter().for_each(|entry| sheets.entry(entry));
    let sheets = sheets.conclude();
    let figures = |sheet: &BalanceSheet| {
        let BalanceSheet { assets_minor, income_minor, expenses_minor, .. } = *sheet;
        let BalanceSheet { liabilities_minor, fees_minor, receivable_minor, .. } = *sheet;
        assert_eq!(
            expenses_minor,
            sheet.refund_minor + sheet.chargeback_minor + sheet.writeoff_minor,
            "{what}"
        );
        assert_eq!(
            income_minor,
            assets_minor + expenses_minor + fees_minor + receivable_minor,
            "{what}: closes"
        );
        [assets_minor, income_minor, expenses_minor, liabilities_minor, fees_minor, receivable_minor]
    };
    let found: Vec<_> =
        sheets.iter().map(|s| (s.provider.as_str(), s.currency.as_str(), figures(s))).collect();
    assert_eq!(found, expected, "{what}");
}

fn payment(number: u64, day: &str) -> Entry {
    let postings = [
        "shop/Income -> ann/Payable 24900",
        "ann/Payable -> shop/Assets 24148",
        "ann/Payable -> stripe/Income 752",
    ];
    entry(number, day, "payment", &postings)
}

fn refund(number: u64, day: &str) -> Entry {
    let postings = ["shop/Assets -> ann/Refund 1100", "shop/Assets -> stripe/Income 50"];
    entry(number, day, "refund", &postings)
}

#[test]
fn roles_and_signs() {
    check("nothing", &[], None, &[]);
    check("an empty entry", &[entry(1, "2026-01-01", "noted", &[])], None, &[]);
    let service = entry(1, "2026-01-01", "service", &["shop/Income -> ann/Payable 500"]);
    check("invoiced", &[service], None, &[("shop", "USD", [0, 500, 0, 0, 0, 500])]);
    let paid = ("shop", "USD", [24_148, 24_900, 0, 0, 752, 0]);
    check("paid", &[payment(1, "2026-01-01")], None, &[paid]);
    check(
        "refunded with a fee",
        &[payment(1, "2026-01-01"), refund(2, "2026-01-02")],
        None,
        &[("shop", "USD", [22_998, 24_900, 1_100, 0, 802, 0])],
    );
    let written = entry(
        2,
        "2026-01-02",
        "write_off",
        &["ann/Payable -> ann/Writeoff 300", "shop/Assets -> ann/Chargeback 70"],
    );
    let service = entry(1, "2026-01-01", "service", &["shop/Income -> ann/Payable 500"]);
    let expected = ("shop", "USD", [-70, 500, 370, 0, 0, 200]);
    check("a write-off has no provider's leg", &[service, written], None, &[expected]);
}

#[test]
fn any_date_by_the_economic_day() {
    // The refund is of a day before, though it comes later; what corrects it is of that day too.
    let back = adjustment(
        3,
        2,
        "2026-01-20",
        &["ann/Refund -> shop/Assets 1100", "stripe/Income -> shop/Assets 50"],
    );
    let entries = [payment(1, "2026-01-21"), refund(2, "2026-01-20"), back];
    let paid = ("shop", "USD", [24_148, 24_900, 0, 0, 752, 0]);
    check("before all", &entries, Some("2026-01-19"), &[]);
    let refunded = ("shop", "USD", [-1_150, 0, 1_100, 0, 50, 0]);
    check("the refund alone", &entries[..2], Some("2026-01-20"), &[refunded]);
    check("the refund and what corrects it", &entries, Some("2026-01-20"), &[("shop", "USD", [0; 6])]);
    check("the day itself counts", &entries, Some("2026-01-21"), &[paid]);
    check("everything", &entries, None, &[paid]);
}

#[test]
fn a_provider_owes_as_a_client_of_others() {
    let of_beta =
        |number, postings: &[&str]| with_project(entry(number, "2026-01-01", "service", postings), "beta");
    let owes = of_beta(1, &["beta/Income -> shop/Payable 900 for beta"]);
    let in_yen = with_currency(of_beta(2, &["beta/Income -> shop/Payable 80 for beta"]), "JPY", 0);
    let by_client = of_beta(3, &["beta/Income -> ann/Payable 5 for beta"]);
    let expected = [
        ("beta", "JPY", [0, 80, 0, 0, 0, 80]),
        ("beta", "USD", [0, 905, 0, 0, 0, 905]),
        ("shop", "JPY", [0, 0, 0, 80, 0, 0]),
        ("shop", "USD", [24_148, 24_900, 0, 900, 752, 0]),
    ];
    check("a marketplace", &[payment(1, "2026-01-01"), owes, in_yen, by_client], None, &expected);
    let itself = entry(1, "2026-01-01", "service", &["shop/Income -> shop/Payable 7"]);
    check("a client of its own", &[itself], None, &[("shop", "USD", [0, 7, 0, 7, 0, 7])]);
}
