//! Money: integer minor units of an ISO 4217 currency, never floats.
//!
//! An amount arrives as decimal text, is kept exactly as a [`Decimal`] until its currency is known, and becomes
//! an integer number of minor units (USD 2 digits, JPY 0, KWD 3) that is below [`AMOUNT_MINOR_MAX`].

use std::fmt;

use rust_decimal::Decimal;

use crate::rejection::Reason;

/// Amounts of minor units are below this bound, 10^15 (accounting.md, "Notation").
pub const AMOUNT_MINOR_MAX: i64 = 1_000_000_000_000_000;

/// Significant digits that a number of an event may have (contracts.md, "In").
const DIGITS_MAX: u32 = 15;

/// Exponents of a number in scientific notation, either sign (contracts.md, "In").
const EXPONENT_MAX: u32 = 20;

/// A currency of ISO 4217.
///
/// Ordered by code, so that rows of several currencies come in alphabetical order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    /// First, so that the derived order is that of the codes.
    letters: [u8; 3],
    minor_digits: u8,
}

impl Currency {
    /// Parses a three-letter code in any case. `None` where ISO 4217 has no such code or gives it no minor
    /// unit (`XAU`, `XXX`): amounts of those can't be kept as integers.
    ///
    /// ```
    /// # use daybook_core::money::Currency;
    /// assert_eq!(Currency::parse("kwd").map(|c| c.minor_digits()), Some(3));
    /// assert_eq!(Currency::parse("XAU"), None);
    /// ```
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        if code.len() != 3 {
            return None;
        }
        let mut upper = [0_u8; 3];
        for (to, from) in upper.iter_mut().zip(code.bytes()) {
            *to = from.to_ascii_uppercase();
        }
        let currency = iso_currency::Currency::from_code(std::str::from_utf8(&upper).ok()?)?;
        let minor_digits = u8::try_from(currency.exponent()?).ok()?;
        Some(Self { letters: upper, minor_digits })
    }

    /// The three-letter code, upper case.
    #[must_use]
    pub fn code(&self) -> &str {
        // Three ASCII letters, or `parse` had not found it.
        std::str::from_utf8(&self.letters).unwrap_or_default()
    }

    /// Digits after the decimal point: 0 (JPY) to 4 (CLF).
    #[must_use]
    pub fn minor_digits(self) -> u32 {
        self.minor_digits.into()
    }

    /// Minor units in one major unit, a power of ten: 100 for USD, 1 for JPY.
    #[must_use]
    pub fn minor_per_major(self) -> i64 {
        10_i64.pow(self.minor_digits())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Reads a decimal number as text: an optional sign, digits with an optional point, an optional exponent.
///
/// The result is exact and without trailing zeros, so `500.00`, `500` and `5e2` are the same number.
///
/// # Errors
/// [`Reason::AmountMalformed`] for what is not a number (`""`, `NaN`, `1,5`, `0x10`);
/// [`Reason::AmountOutOfRange`] for more than 15 digits, an exponent beyond ±20, or 10^15 and more;
/// [`Reason::ExcessPrecision`] for a number with more than 28 digits after the point, which no currency holds.
pub fn parse_decimal(text: &str) -> Result<Decimal, Reason> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        None => (text, 0),
    };
    let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || unsigned.ends_with('.') {
        return Err(Reason::AmountMalformed);
    }
    // Trailing zeros are fine (`500.00` JPY); what has no end of them must not look like excess precision.
    let exact = match mantissa.split_once('.') {
        Some(_) => mantissa.trim_end_matches('0').trim_end_matches('.'),
        None => mantissa,
    };
    let number = match Decimal::from_str_exact(exact) {
        Ok(number) => number.normalize(),
        Err(rust_decimal::Error::Underflow) => return Err(Reason::ExcessPrecision),
        Err(_) => return Err(Reason::AmountOutOfRange),
    };
    if number.mantissa().unsigned_abs() >= 10_u128.pow(DIGITS_MAX) {
        return Err(Reason::AmountOutOfRange);
    }
    if number.is_zero() {
        return Ok(Decimal::ZERO);
    }
    let scale = i64::from(number.scale()) - exponent;
    let (units, scale) = match u32::try_from(scale) {
        Ok(scale) => (Some(number.mantissa()), scale),
        Err(_) => (
            u32::try_from(-scale)
                .ok()
                .and_then(|s| 10_i128.checked_pow(s))
                .and_then(|p| number.mantissa().checked_mul(p)),
            0,
        ),
    };
    if scale > Decimal::MAX_SCALE {
        return Err(Reason::ExcessPrecision);
    }
    // Beyond every currency's range, so it needs none to be refused; and what is read fits a journal record.
    units
        .and_then(|u| Decimal::try_from_i128_with_scale(u, scale).ok())
        .filter(|d| d.trunc().mantissa().unsigned_abs() < AMOUNT_MINOR_MAX.unsigned_abs().into())
        .map(|d| d.normalize())
        .ok_or(Reason::AmountOutOfRange)
}

fn parse_exponent(text: &str) -> Result<i64, Reason> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Reason::AmountMalformed);
    }
    match digits.trim_start_matches('0') {
        "" => Ok(0),
        d => match d.parse::<u32>() {
            Ok(e) if e <= EXPONENT_MAX && text.starts_with('-') => Ok(-i64::from(e)),
            Ok(e) if e <= EXPONENT_MAX => Ok(i64::from(e)),
            _ => Err(Reason::AmountOutOfRange),
        },
    }
}

/// Minor units of an exact number that must not be negative.
///
/// # Errors
/// [`Reason::ExcessPrecision`] where the currency's digits can't hold it (`19.999` USD);
/// [`Reason::AmountOutOfRange`] where it is negative or not below [`AMOUNT_MINOR_MAX`].
///
/// ```
/// # use daybook_core::money::{minor, parse_decimal, Currency};
/// let usd = Currency::parse("USD").unwrap();
/// assert_eq!(minor(parse_decimal("271.28").unwrap(), usd), Ok(27_128));
/// ```
pub fn minor(amount: Decimal, currency: Currency) -> Result<i64, Reason> {
    let amount = amount.normalize();
    let shift = currency.minor_digits().checked_sub(amount.scale()).ok_or(Reason::ExcessPrecision)?;
    10_i128
        .checked_pow(shift)
        .and_then(|p| amount.mantissa().checked_mul(p))
        .and_then(|m| i64::try_from(m).ok())
        .filter(|m| (0..AMOUNT_MINOR_MAX).contains(m))
        .ok_or(Reason::AmountOutOfRange)
}

/// Like [`minor`], for an amount that has to move money.
///
/// # Errors
/// As [`minor`], and [`Reason::AmountNotPositive`] for zero and below.
pub fn minor_positive(amount: Decimal, currency: Currency) -> Result<i64, Reason> {
    if amount <= Decimal::ZERO {
        return Err(Reason::AmountNotPositive);
    }
    minor(amount, currency)
}

/// `amount * percent / 100`, half a minor unit rounded up (6.1), of an amount and a percentage that are not negative.
///
/// Exact: an amount may be the sum of a charge's pendings, and so beyond [`AMOUNT_MINOR_MAX`].
#[must_use]
pub fn percent_of(amount_minor: i64, percent: Decimal) -> i64 {
    let percent = percent.normalize();
    let whole = 100 * 10_i128.pow(percent.scale());
    let part = i128::from(amount_minor).saturating_mul(percent.mantissa());
    // Half of `whole` is whole, so adding it rounds half up.
    i64::try_from(part.saturating_add(whole / 2) / whole).unwrap_or(i64::MAX)
}

/// `round_half_up(total * part / whole)` for figures that are not negative (6.3); 0 where `whole` is 0.
#[must_use]
pub fn proportion(total_minor: i64, part_minor: i64, whole_minor: i64) -> i64 {
    if whole_minor <= 0 {
        return 0;
    }
    let (total, part, whole) = (i128::from(total_minor), i128::from(part_minor), i128::from(whole_minor));
    i64::try_from((2 * total * part + whole) / (2 * whole)).unwrap_or(i64::MAX)
}

/// `part / whole` as decimal text of so many digits, half away from zero (7 `roas`); `None` where `whole` is 0.
///
/// ```
/// # use daybook_core::money::ratio;
/// assert_eq!(ratio(-24_148, 10_000, 4).as_deref(), Some("-2.4148"));
/// assert_eq!(ratio(1, 0, 4), None);
/// ```
#[must_use]
pub fn ratio(part: i128, whole: i128, digits: u32) -> Option<String> {
    if whole == 0 {
        return None;
    }
    // Figures of minor units: far from where the products here would overflow; saturated all the same.
    let scaled = part.saturating_mul(10_i128.pow(digits)).saturating_mul(2);
    let half = whole.saturating_abs();
    let rounded = (scaled.saturating_abs().saturating_add(half)) / half.saturating_mul(2);
    let sign = if (part < 0) == (whole < 0) { 1 } else { -1 };
    Some(decimal_text(sign * rounded, digits))
}

/// Minor units as decimal text, for people and ledger files: `(-1234, 2)` is `-12.34`.
#[must_use]
pub fn decimal_text(amount_minor: i128, minor_digits: u32) -> String {
    let sign = if amount_minor < 0 { "-" } else { "" };
    let unsigned = amount_minor.unsigned_abs();
    let power = 10_u128.pow(minor_digits);
    if minor_digits == 0 {
        format!("{sign}{unsigned}")
    } else {
        let width = minor_digits as usize;
        format!("{sign}{}.{:0width$}", unsigned / power, unsigned % power)
    }
}
