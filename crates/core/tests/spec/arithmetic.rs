//! Decimal text, minor units, percentages: the notation of the rules, number by number.

use daybook_core::calendar::{Day, Month, Zone};
use daybook_core::money::{
    AMOUNT_MINOR_MAX, Currency, decimal_text, minor_positive, parse_decimal, percent_of, proportion, ratio,
};
use daybook_core::name::{is_valid_name, is_valid_project};
use daybook_core::party::Account;
use daybook_core::rejection::Reason::{
    self, AmountMalformed, AmountNotPositive, AmountOutOfRange, ExcessPrecision,
};
use daybook_core::settings::{Partner, PartnerType, SplitRule};
use daybook_core::splits::allocate;
use proptest::prelude::*;

fn check(text: &str, currency: &str, expected: Result<i64, Reason>) {
    let currency = Currency::parse(currency).unwrap();
    let actual = parse_decimal(text).and_then(|number| minor_positive(number, currency));
    assert_eq!(actual, expected, "{text} {currency}");
}

#[test]
fn amounts_are_read_as_decimal_text() {
    check("271.28", "USD", Ok(27_128));
    check("11.0", "USD", Ok(1_100));
    check("119.50", "USD", Ok(11_950));
    check("1195e-1", "USD", Ok(11_950));
    check("1.195E+2", "USD", Ok(11_950));
    check("500.00", "JPY", Ok(500));
    check("5e2", "JPY", Ok(500));
    check("0.001", "KWD", Ok(1));
    check("0.0001", "CLF", Ok(1));
    check("9999999999999.99", "USD", Ok(AMOUNT_MINOR_MAX - 1));
    check(&format!("1.{}", "0".repeat(1_000)), "USD", Ok(100));
}

#[test]
fn amounts_that_are_no_number() {
    for text in [
        "", "-", "+", ".", "NaN", "Infinity", "1,5", "1.", ".5", "1.2.3", "0x10", "1e", "1e+", "$5", " 5",
        "5 ", "1_0", "٣",
    ] {
        check(text, "USD", Err(AmountMalformed));
    }
}

#[test]
fn amounts_that_are_not_positive() {
    for text in ["0", "0.00", "-0", "-0.0", "0e5", "-5", "-0.001"] {
        check(text, "USD", Err(AmountNotPositive));
    }
}

#[test]
fn amounts_with_more_digits_than_the_currency_has() {
    check("19.999", "USD", Err(ExcessPrecision));
    check("500.5", "JPY", Err(ExcessPrecision));
    check("1.0001", "KWD", Err(ExcessPrecision));
    check("1e-3", "USD", Err(ExcessPrecision));
    check(&format!("0.{}1", "0".repeat(1_000)), "USD", Err(ExcessPrecision));
}

#[test]
fn amounts_out_of_range() {
    for text in [
        "1e13",
        "10000000000000",
        "9999999999999999",
        "1e15",
        "1e20",
        "1e21",
        "1e400",
        "1e-21",
        "1234567890123456",
    ] {
        check(text, "USD", Err(AmountOutOfRange));
    }
    check("1e15", "JPY", Err(AmountOutOfRange));
    check(&"9".repeat(1_000), "JPY", Err(AmountOutOfRange));
}

#[test]
fn exponents_and_digits_at_their_bounds() {
    check("1e10", "USD", Ok(1_000_000_000_000));
    check("10000000000e-10", "USD", Ok(100));
    // 20 is the largest exponent, whatever the number comes to.
    check("0.0000001e20", "JPY", Ok(10_000_000_000_000));
    check("0.0000001e21", "JPY", Err(AmountOutOfRange));
    check("100000000000000e-20", "USD", Err(ExcessPrecision));
    check("1e4294967296", "USD", Err(AmountOutOfRange));
    // Below 10^15, and no more than 28 digits after the point, also where no currency is known yet.
    assert!(parse_decimal("999999999999999").is_ok());
    assert_eq!(parse_decimal("1e15"), Err(AmountOutOfRange));
    assert!(parse_decimal("0.00000001e-20").is_ok());
    assert_eq!(parse_decimal("0.000000001e-20"), Err(ExcessPrecision));
}

#[test]
fn rule_6_1_half_a_unit_is_rounded_up() {
    let check = |amount, percent: &str, expected| {
        assert_eq!(percent_of(amount, percent.parse().unwrap()), expected, "{amount} {percent}");
    };
    check(24_900, "2.9", 722);
    check(50, "1", 1);
    check(49, "1", 0);
    check(AMOUNT_MINOR_MAX - 1, "100", AMOUNT_MINOR_MAX - 1);
    check(AMOUNT_MINOR_MAX - 1, "99.99999999999", 999_999_999_999_899);
}

#[test]
fn rule_6_3_proportions_are_rounded_half_up() {
    let check = |total, part, whole, expected| assert_eq!(proportion(total, part, whole), expected);
    check(1, 1, 2, 1);
    check(1, 1, 3, 0);
    check(320, 3_333, 10_000, 107);
    check(5, 0, 7, 0);
    check(5, 7, 0, 0);
    check(
        4_000_000_000_000_000_000,
        4_000_000_000_000_000_000,
        4_000_000_000_000_000_000,
        4_000_000_000_000_000_000,
    );
}

#[test]
fn days_months_and_zones_by_name() {
    let day = Day::new(2024, 2, 29).unwrap();
    assert_eq!((day.ymd(), day.to_string()), ((2024, 2, 29), "2024-02-29".to_owned()));
    assert_eq!(Day::new(2026, 2, 29), None);
    assert_eq!(Month::new(2024, 2), Some(day.month()));
    assert_eq!(Month::new(2024, 13), None);
    assert_eq!(day.month().to_string(), "2024-02");
    for name in ["UTC", "America/New_York", "Asia/Kathmandu"] {
        assert_eq!(Zone::parse(name).unwrap().name(), name);
    }
    assert_eq!(Zone::parse("Atlantis/Poseidonis"), None);
}

#[test]
fn rule_1_1_names_of_projects() {
    let longest = "p".repeat(64);
    for name in ["a", "Z", "0", ".", "_", "-", "shop-1.example_EU", &longest] {
        assert!(is_valid_project(name), "{name}");
    }
    for name in ["", "a b", "a/b", "a~test", "é", "a\n", &"p".repeat(65)] {
        assert!(!is_valid_project(name), "{name}");
    }
}

#[test]
fn names_and_ids() {
    for name in ["a", "Zoë, 3rd floor", "日本", &"n".repeat(256)] {
        assert!(is_valid_name(name), "{name}");
    }
    for name in ["", "a\u{0}b", "a\nb", "\u{7f}", &"n".repeat(257)] {
        assert!(!is_valid_name(name), "{name:?}");
    }
}

#[test]
fn rule_1_2_the_six_accounts_by_name() {
    let names = ["Income", "Assets", "Payable", "Refund", "Chargeback", "Writeoff"];
    assert_eq!(Account::ALL.map(Account::name), names);
    assert_eq!(names.map(Account::from_name), Account::ALL.map(Some));
    assert_eq!(Account::from_name("Expenses"), None);
}

#[test]
fn ratios_have_the_sign_of_both() {
    let check = |part, whole, expected: &str| assert_eq!(ratio(part, whole, 4).as_deref(), Some(expected));
    check(3, 2, "1.5000");
    check(-3, 2, "-1.5000");
    check(3, -2, "-1.5000");
    check(-3, -2, "1.5000");
    check(0, -2, "0.0000");
}

#[test]
fn splits_of_nothing_and_of_less() {
    let ana = Partner {
        partner_type: PartnerType::Coproducer,
        name: "Ana".into(),
        percentage: "0.3".parse().unwrap(),
    };
    let rule = SplitRule { product: "p1".into(), partners: vec![ana] };
    let parts = |net_minor| {
        let parts = allocate(&rule, &"acme".into(), net_minor);
        parts.into_iter().map(|(key, _, part)| (key.name.to_string(), part)).collect::<Vec<_>>()
    };
    assert_eq!(parts(0), [("Ana".into(), 0), ("acme".into(), 0)]);
    // A net below 0 is the owner's alone (8 splits).
    assert_eq!(parts(-1), [("acme".into(), -1)]);
}

#[test]
fn amounts_as_text() {
    let check = |minor, digits, expected: &str| assert_eq!(decimal_text(minor, digits), expected);
    check(-1_234, 2, "-12.34");
    check(-5, 2, "-0.05");
    check(5, 0, "5");
    check(0, 3, "0.000");
    check(i128::MIN, 4, "-17014118346046923173168730371588410.5728");
}

proptest! {
    #[test]
    fn minor_units_and_their_text_are_the_same_number(minor in 1..AMOUNT_MINOR_MAX, code in prop::sample::select(vec!["JPY", "USD", "KWD", "CLF"])) {
        let currency = Currency::parse(code).unwrap();
        let text = decimal_text(minor.into(), currency.minor_digits());
        check(&text, code, Ok(minor));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}", number in "[-+]?[0-9]{0,40}\\.?[0-9]{0,40}([eE][-+]?[0-9]{1,4})?") {
        let _ = parse_decimal(&text);
        if let Ok(number) = parse_decimal(&number) {
            // What is read has a place in a journal record: digits that fit a long.
            prop_assert!(i64::try_from(number.mantissa()).is_ok());
        }
    }
}
