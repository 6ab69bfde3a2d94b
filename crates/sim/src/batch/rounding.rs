//! Minor units and every way of rounding that the rules name.

use daybook_core::money::Currency;
use daybook_core::rejection::Reason;
use rust_decimal::Decimal;

/// Amounts are below this ("Notation").
const BOUND: i128 = 1_000_000_000_000_000;

/// A number as a fraction: mantissa and power of ten below it.
pub(crate) fn fraction(number: Decimal) -> (i128, i128) {
    let number = number.normalize();
    (number.mantissa(), 10_i128.pow(number.scale()))
}

/// What is wrong with a figure of the currency that must not be below 0, by all reasons that apply.
pub(crate) fn faults(number: Decimal, currency: Currency) -> Vec<Reason> {
    let mut faults = Vec::new();
    let (mantissa, unit) = fraction(number);
    let minor_unit = 10_i128.pow(currency.minor_digits());
    if unit > minor_unit {
        faults.push(Reason::ExcessPrecision);
    }
    // Major units times minor units per major unit, compared without dividing.
    if mantissa < 0 || mantissa.saturating_mul(minor_unit) >= BOUND.saturating_mul(unit) {
        faults.push(Reason::AmountOutOfRange);
    }
    faults
}

/// Minor units of a number without [`faults`].
pub(crate) fn minor(number: Decimal, currency: Currency) -> i128 {
    let (mantissa, unit) = fraction(number);
    mantissa * 10_i128.pow(currency.minor_digits()) / unit
}

/// `part / whole` to a whole number, half up. `whole` is above 0.
pub(crate) fn half_up(part: i128, whole: i128) -> i128 {
    (2 * part + whole).div_euclid(2 * whole)
}

/// `part / whole` to a whole number, up. `whole` is above 0.
pub(crate) fn up(part: i128, whole: i128) -> i128 {
    -((-part).div_euclid(whole))
}

/// `part / whole` to a whole number, down. `whole` is above 0.
pub(crate) fn down(part: i128, whole: i128) -> i128 {
    part.div_euclid(whole)
}

/// 7 `roas`: always 4 decimals, half away from zero; null without spend.
pub(crate) fn roas(net: i128, spend: i128) -> Option<String> {
    if spend == 0 {
        return None;
    }
    let ten_thousandths = half_up(net.abs() * 10_000, spend);
    let sign = if net < 0 && ten_thousandths != 0 { "-" } else { "" };
    Some(format!("{sign}{}.{:04}", ten_thousandths / 10_000, ten_thousandths % 10_000))
}
