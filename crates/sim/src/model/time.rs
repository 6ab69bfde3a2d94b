//! Times in RFC 3339, and days in UTC.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Milliseconds since 1970-01-01T00:00:00Z of a time in RFC 3339; finer digits are cut.
pub(super) fn parse_ms(text: &str) -> Option<i64> {
    let (date_time, rest) = text.split_at_checked(19)?;
    if !has_shape(date_time, "0000-00-00T00:00:00") {
        return None;
    }
    let (millis, offset) = match rest.strip_prefix('.') {
        None => ("0", rest),
        Some(rest) => {
            let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
            let digits = &rest[..end];
            (digits.get(..3).unwrap_or(digits), &rest[end..])
        }
    };
    if millis.is_empty() || !(has_shape(offset, "Z") || has_shape(offset, "+00:00")) {
        return None;
    }
    let cut = format!("{date_time}.{millis}{offset}").to_ascii_uppercase();
    let parsed: Timestamp = cut.parse().ok()?;
    Some(parsed.as_millisecond())
}

/// Whether a text has digits where the shape has 0, a sign where it has +, and otherwise the
/// shape's own letters in either case.
fn has_shape(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|pair| match pair {
            (byte, b'0') => byte.is_ascii_digit(),
            (byte, b'+') => byte == b'+' || byte == b'-',
            (byte, expected) => byte.eq_ignore_ascii_case(&expected),
        })
}

/// The day in UTC, `YYYY-MM-DD`.
pub(super) fn utc_day(at_ms: i64) -> String {
    match Timestamp::from_millisecond(at_ms) {
        Ok(at) => TimeZone::UTC.to_datetime(at).date().to_string(),
        Err(_) => "outside the calendar".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_and_nothing_else() {
        for (text, expected) in [
            ("2026-01-01T00:00:00Z", Some(1_767_225_600_000)),
            ("2026-01-01t00:00:00z", Some(1_767_225_600_000)),
            ("2026-01-01T00:00:00.5Z", Some(1_767_225_600_500)),
            ("2026-01-01T00:00:00.1239999999999Z", Some(1_767_225_600_123)),
            ("2026-01-01T02:00:00+02:00", Some(1_767_225_600_000)),
            ("2025-12-31T19:00:00.000-05:00", Some(1_767_225_600_000)),
            ("2026-02-29T00:00:00Z", None),
            ("2026-01-01T24:00:00Z", None),
            ("2026-01-01T00:00:00", None),
            ("2026-01-01T00:00:00.Z", None),
            ("2026-01-01T00:00Z", None),
            ("2026-01-01 ", None),
            ("2026-01-01", None),
            ("1767225600", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(parse_ms(text), expected, "{text}");
        }
    }

    #[test]
    fn a_day_ends_at_midnight_in_utc() {
        for (at_ms, expected) in [(1_767_225_599_999, "2025-12-31"), (1_767_225_600_000, "2026-01-01")] {
            assert_eq!(utc_day(at_ms), expected);
        }
    }
}
