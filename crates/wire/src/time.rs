//! Times as text: RFC 3339 in, RFC 3339 in UTC with milliseconds out.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

/// Unix milliseconds of an RFC 3339 time; digits finer than milliseconds are cut. `None` where it is not one.
///
/// ```
/// # use daybook_wire::time::parse_rfc3339;
/// assert_eq!(parse_rfc3339("1970-01-01T01:00:00.0019+01:00"), Some(1));
/// assert_eq!(parse_rfc3339("1970-01-01"), None);
/// ```
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    // The parser knows more than RFC 3339 (dates alone, zones in brackets); the fixed part of its grammar does not.
    let bytes = text.as_bytes();
    let shape = b"dddd-dd-ddTdd:dd:dd";
    let fits = bytes.len() > shape.len()
        && bytes.iter().zip(shape).all(|(b, s)| match s {
            b'd' => b.is_ascii_digit(),
            b'T' => matches!(b, b'T' | b't' | b' '),
            s => b == s,
        });
    let rest = bytes.get(shape.len()..)?;
    let fraction = if rest.first() == Some(&b'.') {
        1 + rest.get(1..)?.iter().take_while(|b| b.is_ascii_digit()).count()
    } else {
        0
    };
    let zone = rest.get(fraction..)?;
    let zone_fits = match zone {
        [b'Z' | b'z'] => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => [h1, h2, m1, m2].into_iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if !fits || fraction == 1 || !zone_fits {
        return None;
    }
    // More than nine digits of a second are legal; the parser takes nine, and all but three are cut anyway.
    let cut;
    let text = if fraction > 10 {
        cut = format!("{}{}", text.get(..shape.len() + 10)?, text.get(shape.len() + fraction..)?);
        cut.as_str()
    } else {
        text
    };
    let timestamp: Timestamp = text.parse().ok()?;
    i64::try_from(timestamp.as_nanosecond().div_euclid(1_000_000)).ok()
}

/// Appends a time as `YYYY-MM-DDTHH:MM:SS.mmmZ`. A time that no calendar has is shown as the epoch.
pub fn push_rfc3339(time_ms: i64, out: &mut String) {
    static PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
    let timestamp = Timestamp::from_millisecond(time_ms).unwrap_or(Timestamp::UNIX_EPOCH);
    // Printing into a string can't fail.
    let _ = PRINTER.print_timestamp(&timestamp, out);
}
