//! Section 9, client profile.

use daybook_report::client_profile::{ClientProfile, ClientProfiles};
use daybook_report::entries::Entry;

use crate::notation::{adjustment, entry, with_currency, with_project};

/// Project, client, currency, then value, payable, acquisition and retention, dispute.
type Row = (&'static str, &'static str, &'static str, [i128; 4]);

fn check(what: &str, entries: &[Entry], as_of: Option<&str>, expected: &[Row]) {
    let mut profiles = ClientProfiles::at(as_of.map(|day| day.parse().expect("a day")));
    entries.iter().for_each(|entry| profiles.entry(entry));
    let figures = |p: &ClientProfile| [p.value_minor, p.payable_minor, p.acquisition_minor, p.dispute_minor];
    let profiles = profiles.conclude();
    let found: Vec<_> =
        profiles.iter().map(|p| (&*p.project_id, &*p.customer, &*p.currency, figures(p))).collect();
    assert_eq!(found, expected, "{what}");
}

fn goodwill(number: u64, day: &str) -> Entry {
    entry(number, day, "goodwill", &["shop/Income -> ann/Payable 40", "ann/Payable -> ann/Writeoff 40"])
}

#[test]
fn value_and_payable() {
    check("nothing", &[], None, &[]);
    let service = entry(1, "2026-01-01", "service", &["shop/Income -> ann/Payable 500"]);
    check("invoiced", std::slice::from_ref(&service), None, &[("shop", "ann", "USD", [500, 500, 0, 0])]);
    let less = entry(2, "2026-01-01", "service", &["ann/Payable -> shop/Income 120"]);
    check("less of it", &[service.clone(), less], None, &[("shop", "ann", "USD", [380, 380, 0, 0])]);
    let payment = entry(
        2,
        "2026-01-02",
        "payment",
        &["ann/Payable -> shop/Assets 480", "ann/Payable -> stripe/Income 20"],
    );
    let paid = ("shop", "ann", "USD", [500, 0, 0, 0]);
    check("the processor's fee is no service", &[service.clone(), payment.clone()], None, &[paid]);
    let without_fee = adjustment(3, 2, "2026-01-02", &["stripe/Income -> ann/Payable 20"]);
    let paid_less = ("shop", "ann", "USD", [500, 20, 0, 0]);
    check("nor is a fee taken back", &[service, payment, without_fee], None, &[paid_less]);
}

#[test]
fn disputes() {
    let entries = [
        entry(1, "2026-01-01", "refund", &["shop/Assets -> ann/Refund 30"]),
        entry(
            2,
            "2026-01-02",
            "chargeback",
            &["shop/Assets -> ann/Chargeback 20", "shop/Assets -> stripe/Income 9"],
        ),
        entry(3, "2026-01-03", "write_off", &["ann/Payable -> ann/Writeoff 5"]),
        entry(4, "2026-01-04", "chargeback_won", &["ann/Chargeback -> shop/Assets 20"]),
    ];
    let row = |figures| [("shop", "ann", "USD", figures)];
    check("a refund", &entries, Some("2026-01-01"), &row([0, 0, 0, 30]));
    check("a chargeback", &entries, Some("2026-01-02"), &row([0, 0, 0, 50]));
    check("a write-off", &entries, Some("2026-01-03"), &row([0, -5, 0, 55]));
    check("a chargeback won", &entries, None, &row([0, -5, 0, 35]));
}

#[test]
fn goodwill_is_acquisition_and_no_dispute() {
    let row = |figures| [("shop", "ann", "USD", figures)];
    check("a goodie", &[goodwill(1, "2026-01-01")], None, &row([40, 0, 40, 0]));
    let written = entry(2, "2026-01-02", "write_off", &["ann/Payable -> ann/Writeoff 5"]);
    check("beside a write-off", &[goodwill(1, "2026-01-01"), written], None, &row([40, -5, 40, 5]));
    let postings = ["ann/Payable -> shop/Income 10", "ann/Writeoff -> ann/Payable 10"];
    let less = adjustment(3, 1, "2026-01-01", &postings);
    check("corrected", &[goodwill(1, "2026-01-01"), less.clone()], None, &row([30, 0, 30, 0]));
    let other = adjustment(3, 2, "2026-01-02", &postings);
    check("another entry corrected", &[goodwill(1, "2026-01-01"), other], None, &row([30, 0, 40, -10]));
    // Entry 1 of the other project is none.
    let elsewhere = with_project(less, "beta");
    let expected = [("beta", "ann", "USD", [0, 0, 0, -10]), ("shop", "ann", "USD", [40, 0, 40, 0])];
    let services = ["ann/Writeoff -> ann/Payable 10", "ann/Payable -> beta/Income 10"];
    let elsewhere = Entry { postings: entry(1, "2026-01-01", "", &services).postings, ..elsewhere };
    check("numbers are a project's own", &[goodwill(1, "2026-01-01"), elsewhere], None, &expected);
    let late =
        adjustment(2, 1, "2026-01-05", &["ann/Writeoff -> ann/Payable 1", "ann/Payable -> shop/Income 1"]);
    let entries = [goodwill(1, "2026-01-05"), late];
    check("of a later day", &entries, Some("2026-01-04"), &[]);
}

#[test]
fn projects_and_currencies_are_never_added_up() {
    let service = |number, posting: &str| entry(number, "2026-01-01", "service", &[posting]);
    let entries = [
        service(1, "shop/Income -> ann/Payable 1"),
        with_currency(service(2, "shop/Income -> ann/Payable 2"), "JPY", 0),
        with_project(service(1, "beta/Income -> ann/Payable 4 for beta"), "beta"),
        service(3, "shop/Income -> bob/Payable 8"),
    ];
    let expected = [
        ("beta", "ann", "USD", [4, 4, 0, 0]),
        ("shop", "ann", "JPY", [2, 2, 0, 0]),
        ("shop", "ann", "USD", [1, 1, 0, 0]),
        ("shop", "bob", "USD", [8, 8, 0, 0]),
    ];
    check("four rows", &entries, None, &expected);
}
