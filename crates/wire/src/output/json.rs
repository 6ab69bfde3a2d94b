//! Canonical JSON (RFC 8785).

use std::fmt::Write;

use daybook_core::calendar::Day;

use super::fields::{Fields, Number};
use crate::time::push_rfc3339;

/// Canonical JSON, appended to.
impl Fields for String {
    fn record(&mut self, write: impl FnOnce(&mut Self)) {
        self.push('{');
        write(self);
        self.push('}');
    }

    fn field(&mut self, name: &str) {
        // No value ends with a brace that opens: this is the first member or one of several.
        self.push_str(if self.ends_with('{') { "\"" } else { ",\"" });
        self.push_str(name);
        self.push_str("\":");
    }

    fn text(&mut self, value: &str) {
        push_str(self, value);
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            Some(value) => write(self, value),
            None => self.push_str("null"),
        }
    }

    fn array<T>(&mut self, items: impl ExactSizeIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        self.push('[');
        for (i, item) in items.enumerate() {
            if i > 0 {
                self.push(',');
            }
            write(self, item);
        }
        self.push(']');
    }

    fn integer(&mut self, value: impl Number) {
        self.push_str(itoa::Buffer::new().format(value));
    }

    fn timestamp(&mut self, time_ms: i64) {
        self.push('"');
        push_rfc3339(time_ms, self);
        self.push('"');
    }

    fn date(&mut self, day: Day) {
        self.push('"');
        push_day(self, day);
        self.push('"');
    }
}

/// Appends a date as `YYYY-MM-DD`.
pub(super) fn push_day(out: &mut String, day: Day) {
    let (year, month, day) = day.ymd();
    for (separator, number, width) in [("", year, 4), ("-", i16::from(month), 2), ("-", i16::from(day), 2)] {
        out.push_str(separator);
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(number);
        out.extend(std::iter::repeat_n('0', width - digits.len().min(width)));
        out.push_str(digits);
    }
}

/// Appends a JSON string as RFC 8785 writes it.
pub fn push_str(out: &mut String, value: &str) {
    out.push('"');
    // Looked at to the end even where the answer is known: without a branch the loop is done 16 bytes at a time.
    let escapes = value.bytes().fold(false, |found, b| found | (b < 0x20) | (b == b'"') | (b == b'\\'));
    if !escapes {
        out.push_str(value);
    } else {
        for c in value.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\u{8}' => out.push_str("\\b"),
                '\t' => out.push_str("\\t"),
                '\n' => out.push_str("\\n"),
                '\u{c}' => out.push_str("\\f"),
                '\r' => out.push_str("\\r"),
                c if c < ' ' => {
                    let _ = write!(out, "\\u{:04x}", u32::from(c));
                }
                c => out.push(c),
            }
        }
    }
    out.push('"');
}
