//! Writing canonical JSON (RFC 8785).

use std::fmt::Write;

use daybook_core::calendar::Day;
use daybook_core::flags::Flags;

use crate::time::push_rfc3339;

/// Writes one JSON object, members in the order in which they are added: the caller adds them sorted.
pub(super) struct Object<'a> {
    out: &'a mut String,
    first: bool,
}

impl<'a> Object<'a> {
    pub(super) fn open(out: &'a mut String) -> Self {
        out.push('{');
        Self { out, first: true }
    }

    pub(super) fn key(&mut self, key: &str) -> &mut String {
        self.out.push_str(if self.first { "\"" } else { ",\"" });
        self.first = false;
        self.out.push_str(key);
        self.out.push_str("\":");
        self.out
    }

    pub(super) fn str(&mut self, key: &str, value: &str) -> &mut Self {
        push_str(self.key(key), value);
        self
    }

    pub(super) fn optional_str(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        let out = self.key(key);
        match value {
            Some(value) => push_str(out, value),
            None => out.push_str("null"),
        }
        self
    }

    pub(super) fn number(&mut self, key: &str, value: impl itoa::Integer) -> &mut Self {
        self.key(key).push_str(itoa::Buffer::new().format(value));
        self
    }

    pub(super) fn time(&mut self, key: &str, time_ms: i64) -> &mut Self {
        let out = self.key(key);
        out.push('"');
        push_rfc3339(time_ms, out);
        out.push('"');
        self
    }

    pub(super) fn day(&mut self, key: &str, day: Day) -> &mut Self {
        let (year, month, day) = day.ymd();
        let out = self.key(key);
        for (separator, number, width) in
            [('"', year, 4), ('-', i16::from(month), 2), ('-', i16::from(day), 2)]
        {
            out.push(separator);
            let mut digits = itoa::Buffer::new();
            let digits = digits.format(number);
            out.extend(std::iter::repeat_n('0', width - digits.len().min(width)));
            out.push_str(digits);
        }
        out.push('"');
        self
    }

    pub(super) fn flags(&mut self, key: &str, flags: Flags) -> &mut Self {
        let out = self.key(key);
        out.push('[');
        for (i, flag) in flags.iter().enumerate() {
            out.push_str(if i == 0 { "\"" } else { ",\"" });
            out.push_str(flag.name());
            out.push('"');
        }
        out.push(']');
        self
    }

    pub(super) fn close(self) {
        self.out.push('}');
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
