//! Decimal figures and currencies.

use serde_json::Value;

/// Every amount is below this many minor units.
const MINOR_LIMIT: i128 = 1_000_000_000_000_000;
const DIGITS_MAX: usize = 15;
const EXPONENT_MAX: i64 = 20;

/// Decimal digits of a currency of ISO 4217 by its upper-case code; funds, metals and test codes
/// are left out.
pub(super) fn minor_digits(currency: &str) -> Option<u32> {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => Some(0),
        "AED" | "AFN" | "ALL" | "AMD" | "AOA" | "ARS" | "AUD" | "AWG" | "AZN" | "BAM" | "BBD" | "BDT"
        | "BGN" | "BMD" | "BND" | "BOB" | "BRL" | "BSD" | "BTN" | "BWP" | "BYN" | "BZD" | "CAD" | "CDF"
        | "CHF" | "CNY" | "COP" | "CRC" | "CUP" | "CVE" | "CZK" | "DKK" | "DOP" | "DZD" | "EGP" | "ERN"
        | "ETB" | "EUR" | "FJD" | "FKP" | "GBP" | "GEL" | "GHS" | "GIP" | "GMD" | "GTQ" | "GYD" | "HKD"
        | "HNL" | "HTG" | "HUF" | "IDR" | "ILS" | "INR" | "IRR" | "JMD" | "KES" | "KGS" | "KHR" | "KPW"
        | "KYD" | "KZT" | "LAK" | "LBP" | "LKR" | "LRD" | "LSL" | "MAD" | "MDL" | "MGA" | "MKD" | "MMK"
        | "MNT" | "MOP" | "MRU" | "MUR" | "MVR" | "MWK" | "MXN" | "MYR" | "MZN" | "NAD" | "NGN" | "NIO"
        | "NOK" | "NPR" | "NZD" | "PAB" | "PEN" | "PGK" | "PHP" | "PKR" | "PLN" | "QAR" | "RON" | "RSD"
        | "RUB" | "SAR" | "SBD" | "SCR" | "SDG" | "SEK" | "SGD" | "SHP" | "SLE" | "SOS" | "SRD" | "SSP"
        | "STN" | "SVC" | "SYP" | "SZL" | "THB" | "TJS" | "TMT" | "TOP" | "TRY" | "TTD" | "TWD" | "TZS"
        | "UAH" | "USD" | "UYU" | "UZS" | "VES" | "WST" | "XCD" | "YER" | "ZAR" | "ZMW" => Some(2),
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => Some(3),
        _ => None,
    }
}

/// A decimal number as it is written: `digits` x 10^`exponent`, without zeros around the digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    pub(super) negative: bool,
    digits: String,
    exponent: i64,
    written_exponent: i64,
}

impl Decimal {
    /// A JSON number, or a string that has the form of one.
    pub(super) fn read(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => Self::parse(&number.to_string()),
            Value::String(text) => Self::parse(text),
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, text),
        };
        let (mantissa, written_exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        if !is_digits(whole) || (whole.len() > 1 && whole.starts_with('0')) {
            return None;
        }
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let cut = i64::try_from(all.len() - digits.len()).ok()?;
        let places = i64::try_from(fraction.len()).ok()?;
        Some(Self {
            negative,
            digits: digits.trim_start_matches('0').to_owned(),
            exponent: written_exponent - places + cut,
            written_exponent,
        })
    }

    pub(super) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// The number in minor units, or why it can't be held: `excess_precision` or
    /// `amount_out_of_range`.
    pub(super) fn to_minor(&self, minor_digits: u32) -> Result<i128, &'static str> {
        if self.is_zero() {
            return Ok(0);
        }
        let zeros = self.exponent + i64::from(minor_digits);
        if zeros < 0 {
            return Err("excess_precision");
        }
        let out_of_range = Err("amount_out_of_range");
        if self.written_exponent.abs() > EXPONENT_MAX || self.digits.len() > DIGITS_MAX {
            return out_of_range;
        }
        let (Ok(digits), Ok(zeros)) = (self.digits.parse::<i128>(), u32::try_from(zeros)) else {
            return out_of_range;
        };
        // 10^23 is above every limit, and with 15 digits still within an i128.
        let minor = digits * 10_i128.pow(zeros.min(23));
        if minor >= MINOR_LIMIT {
            return out_of_range;
        }
        Ok(if self.negative { -minor } else { minor })
    }
}

fn parse_exponent(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if !is_digits(digits) {
        return None;
    }
    // However many digits: what is far out of range stays far out of range.
    let size = digits.parse().unwrap_or(i64::MAX).min(1_000_000_000);
    Some(if negative { -size } else { size })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_decimal_text() {
        let out_of_range = Some(Err("amount_out_of_range"));
        let excess = Some(Err("excess_precision"));
        for (text, minor_digits, expected) in [
            ("10.50", 2, Some(Ok(1_050))),
            ("10.5", 2, Some(Ok(1_050))),
            ("1050e-2", 2, Some(Ok(1_050))),
            ("1.05E+1", 2, Some(Ok(1_050))),
            ("500.00", 0, Some(Ok(500))),
            ("0.100", 3, Some(Ok(100))),
            ("0", 2, Some(Ok(0))),
            ("0.00", 0, Some(Ok(0))),
            ("-5", 2, Some(Ok(-500))),
            ("9999999999999.99", 2, Some(Ok(999_999_999_999_999))),
            ("10000000000000", 2, out_of_range),
            ("9999999999999999", 0, out_of_range),
            ("1e20", 0, out_of_range),
            ("1e400", 2, out_of_range),
            ("1e99999999999999999999", 2, out_of_range),
            ("19.999", 2, excess),
            ("0.5", 0, excess),
            ("1.0001", 3, excess),
            ("12,50", 2, None),
            ("NaN", 2, None),
            ("", 2, None),
            ("-", 2, None),
            ("1.", 2, None),
            (".5", 2, None),
            ("+5", 2, None),
            (" 5", 2, None),
            ("1e", 2, None),
            ("1.2.3", 2, None),
        ] {
            let minor = Decimal::parse(text).map(|decimal| decimal.to_minor(minor_digits));
            assert_eq!(minor, expected, "{text}");
        }
    }

    #[test]
    fn currencies_have_their_digits() {
        for (code, digits) in [
            ("USD", Some(2)),
            ("EUR", Some(2)),
            ("JPY", Some(0)),
            ("KWD", Some(3)),
            ("XYZ", None),
            ("USD EUR", None),
            ("", None),
        ] {
            assert_eq!(minor_digits(code), digits, "{code}");
        }
    }
}
