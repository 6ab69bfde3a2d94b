//! Minor units as decimal text, so that no reader has to do money arithmetic.

/// `minor` of a currency with `digits` digits: `decimal(27128, 2)` is `271.28`.
pub(crate) fn decimal(minor: i128, digits: u8) -> String {
    let digits = usize::from(digits);
    let magnitude = minor.unsigned_abs().to_string();
    let padded = format!("{magnitude:0>width$}", width = digits + 1);
    let (whole, fraction) = padded.split_at(padded.len() - digits);
    let sign = if minor < 0 { "-" } else { "" };
    if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimal_text() {
        for (minor, digits, expected) in [
            (0, 2, "0.00"),
            (0, 0, "0"),
            (5, 2, "0.05"),
            (-5, 2, "-0.05"),
            (27_128, 2, "271.28"),
            (-27_128, 2, "-271.28"),
            (500, 0, "500"),
            (-1, 0, "-1"),
            (1_234, 3, "1.234"),
            (999_999_999_999_999, 2, "9999999999999.99"),
            (i128::from(i64::MIN), 2, "-92233720368547758.08"),
        ] {
            assert_eq!(decimal(minor, digits), expected, "{minor} with {digits} digits");
        }
    }
}
