//! Text of the single values.

use std::fmt::Write;

use crate::event::{Currency, Description};

const DAY_MS: i64 = 86_400_000;

/// How a decimal number is written; all forms of one number mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberForm {
    /// `10.50`
    Plain,
    /// `10.5`
    Short,
    /// `"10.50"`
    Quoted,
    /// `10.5000`
    Padded,
    /// `1050e-2`
    Exponent,
}

/// Writes minor units as a JSON number or decimal string in major units.
pub(crate) fn amount(out: &mut String, minor: u64, currency: Currency, form: NumberForm) {
    let digits = currency.digits;
    match form {
        NumberForm::Plain => decimal(out, minor, digits),
        NumberForm::Short => {
            let (mut minor, mut digits) = (minor, digits);
            while digits > 0 && minor.is_multiple_of(10) {
                minor /= 10;
                digits -= 1;
            }
            decimal(out, minor, digits);
        }
        NumberForm::Quoted => {
            out.push('"');
            decimal(out, minor, digits);
            out.push('"');
        }
        NumberForm::Padded => decimal(out, minor * 100, digits + 2),
        NumberForm::Exponent => write(out, format_args!("{minor}e-{digits}")),
    }
}

fn decimal(out: &mut String, value: u64, digits: u32) {
    if digits == 0 {
        padded(out, value, 1);
        return;
    }
    let unit = 10_u64.pow(digits);
    padded(out, value / unit, 1);
    out.push('.');
    padded(out, value % unit, digits);
}

/// Writes a number of at least `width` digits. The generic formatting is several times slower,
/// and most of a record is numbers.
fn padded(out: &mut String, value: u64, width: u32) {
    let mut unit = 1;
    let mut places = 1;
    while places < width || value / unit >= 10 {
        unit *= 10;
        places += 1;
    }
    while unit > 0 {
        out.push(DIGITS[index(value / unit % 10)]);
        unit /= 10;
    }
}

fn hex(out: &mut String, value: u64, digits: u32) {
    for place in (0..digits).rev() {
        out.push(DIGITS[index(value >> (4 * place) & 15)]);
    }
}

const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];

fn index(digit: u64) -> usize {
    usize::try_from(digit).unwrap_or(0)
}

/// Writes a random UUID.
pub(crate) fn event_id(out: &mut String, (high, low): (u64, u64)) {
    hex(out, high >> 32, 8);
    out.push('-');
    hex(out, high >> 16, 4);
    out.push_str("-4");
    hex(out, high, 3);
    out.push_str("-a");
    hex(out, low >> 48, 3);
    out.push('-');
    hex(out, low, 12);
}

/// Writes a user's email address.
pub(crate) fn user(out: &mut String, number: u64) {
    out.push_str("user");
    padded(out, number, 1);
    out.push_str("@example.com");
}

/// Writes an id made of a prefix and a number.
pub(crate) fn id(out: &mut String, prefix: &str, number: u64) {
    out.push_str(prefix);
    hex(out, number, 16);
}

/// Writes a product's id.
pub(crate) fn product(out: &mut String, number: u64) {
    out.push('p');
    padded(out, number, 1);
}

/// Writes a time in RFC 3339 with milliseconds: in UTC or, the same instant, two hours east.
pub(crate) fn time(out: &mut String, at_ms: i64, offset: bool) {
    let local_ms = at_ms.saturating_add(if offset { 7_200_000 } else { 0 });
    let (year, month, day) = date(local_ms.div_euclid(DAY_MS));
    let time_ms = local_ms.rem_euclid(DAY_MS);
    for (value, width, separator) in [
        (year, 4, '-'),
        (month, 2, '-'),
        (day, 2, 'T'),
        (time_ms / 3_600_000, 2, ':'),
        (time_ms / 60_000 % 60, 2, ':'),
        (time_ms / 1_000 % 60, 2, '.'),
    ] {
        padded(out, value.unsigned_abs(), width);
        out.push(separator);
    }
    padded(out, (time_ms % 1_000).unsigned_abs(), 3);
    out.push_str(if offset { "+02:00" } else { "Z" });
}

/// Year, month and day in the Gregorian calendar of a day counted from 1970-01-01. Years begin in
/// March here, so that the leap day is the last of its year.
fn date(day: i64) -> (i64, i64, i64) {
    const DAYS_IN_400_YEARS: i64 = 146_097;
    let since_0000_03_01 = day + 719_468;
    let in_cycle = since_0000_03_01.rem_euclid(DAYS_IN_400_YEARS);
    let cycle = since_0000_03_01.div_euclid(DAYS_IN_400_YEARS);
    let leap_days = in_cycle / 1_460 - in_cycle / 36_524 + in_cycle / 146_096;
    let year = (in_cycle - leap_days) / 365;
    let in_year = in_cycle - (365 * year + year / 4 - year / 100);
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let next_year = i64::from(month >= 10);
    (400 * cycle + year + next_year, month + 3 - 12 * next_year, day)
}

/// Writes the inside of a JSON string. `again` is how another sender would write the same: with
/// escapes, and with the card number already masked.
pub(crate) fn description(out: &mut String, description: Description, again: bool) {
    match description {
        Description::Invoice(number) => write(out, format_args!("Invoice {number}")),
        Description::Text(text) => {
            for letter in text.chars() {
                match letter {
                    '"' => out.push_str("\\\""),
                    _ if again && !letter.is_ascii() => {
                        write(out, format_args!("\\u{:04x}", u32::from(letter)));
                    }
                    _ => out.push(letter),
                }
            }
        }
        Description::Card(first_15) => {
            let number = first_15 * 10 + luhn_digit(first_15);
            out.push_str("paid with card ");
            for place in [1_000_000_000_000, 100_000_000, 10_000] {
                if again {
                    out.push_str("**** ");
                } else {
                    padded(out, number / place % 10_000, 4);
                    out.push(' ');
                }
            }
            padded(out, number % 10_000, 4);
            out.push_str(" by phone");
        }
    }
}

/// The check digit that follows these digits in a card number.
fn luhn_digit(mut digits: u64) -> u64 {
    let mut sum = 0;
    let mut doubled = true;
    while digits > 0 {
        let digit = digits % 10 * if doubled { 2 } else { 1 };
        sum += digit / 10 + digit % 10;
        doubled = !doubled;
        digits /= 10;
    }
    (10 - sum % 10) % 10
}

fn write(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string can't fail.
    let _ = out.write_fmt(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        for (at_ms, offset, expected) in [
            (0, false, "1970-01-01T00:00:00.000Z"),
            (-1, false, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, false, "2000-02-29T00:00:00.000Z"),
            (1_767_225_600_000, false, "2026-01-01T00:00:00.000Z"),
            (1_767_225_599_999, true, "2026-01-01T01:59:59.999+02:00"),
            (1_709_251_199_001, false, "2024-02-29T23:59:59.001Z"),
        ] {
            let mut out = String::new();
            time(&mut out, at_ms, offset);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn one_amount_has_many_forms() {
        let usd = Currency { code: "USD", digits: 2 };
        let jpy = Currency { code: "JPY", digits: 0 };
        for (minor, currency, form, expected) in [
            (1050, usd, NumberForm::Plain, "10.50"),
            (5, usd, NumberForm::Plain, "0.05"),
            (1050, usd, NumberForm::Short, "10.5"),
            (1000, usd, NumberForm::Short, "10"),
            (1050, usd, NumberForm::Quoted, "\"10.50\""),
            (1050, usd, NumberForm::Padded, "10.5000"),
            (1050, usd, NumberForm::Exponent, "1050e-2"),
            (500, jpy, NumberForm::Plain, "500"),
            (500, jpy, NumberForm::Short, "500"),
            (500, jpy, NumberForm::Padded, "500.00"),
            (0, usd, NumberForm::Short, "0"),
        ] {
            let mut out = String::new();
            amount(&mut out, minor, currency, form);
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn card_numbers_have_a_check_digit() {
        assert_eq!(luhn_digit(424_242_424_242_424), 2);
        assert_eq!(luhn_digit(400_005_665_566_555), 6);
    }
}
