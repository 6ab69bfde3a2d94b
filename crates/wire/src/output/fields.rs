//! What an output record is written with: each is described once, whatever it is encoded in.

use daybook_core::calendar::Day;
use daybook_core::flags::Flags;

/// A number of an output record.
pub trait Number: itoa::Integer + TryInto<i64> + Copy {}

impl<N: itoa::Integer + TryInto<i64> + Copy> Number for N {}

/// Takes the fields of a record in the order of their names, which is that of canonical JSON and of `schemas/*.avsc`.
pub trait Fields: Sized {
    /// Writes a record of what `write` adds to it.
    fn record(&mut self, write: impl FnOnce(&mut Self));

    /// Begins a field; its value follows.
    fn field(&mut self, name: &str);

    /// Writes a string.
    fn text(&mut self, value: &str);

    /// Writes what may be absent.
    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T));

    /// Writes an array.
    fn array<T>(&mut self, items: impl ExactSizeIterator<Item = T>, write: impl FnMut(&mut Self, T));

    /// Writes a number.
    fn integer(&mut self, value: impl Number);

    /// Writes a time, Unix milliseconds.
    fn timestamp(&mut self, time_ms: i64);

    /// Writes a date.
    fn date(&mut self, day: Day);

    /// Adds a string.
    fn str(&mut self, name: &str, value: &str) {
        self.field(name);
        self.text(value);
    }

    /// Adds a string that may be absent.
    fn optional_str(&mut self, name: &str, value: Option<&str>) {
        self.field(name);
        self.option(value, Self::text);
    }

    /// Adds a number.
    fn number(&mut self, name: &str, value: impl Number) {
        self.field(name);
        self.integer(value);
    }

    /// Adds a number that may be absent.
    fn optional_number(&mut self, name: &str, value: Option<impl Number>) {
        self.field(name);
        self.option(value, |out, value| out.integer(value));
    }

    /// Adds a time, Unix milliseconds.
    fn time(&mut self, name: &str, time_ms: i64) {
        self.field(name);
        self.timestamp(time_ms);
    }

    /// Adds a date.
    fn day(&mut self, name: &str, day: Day) {
        self.field(name);
        self.date(day);
    }

    /// Adds the names of flags.
    fn flags(&mut self, name: &str, flags: Flags) {
        self.field(name);
        let raised: Vec<_> = flags.iter().collect();
        self.array(raised.into_iter(), |out, flag| out.text(flag.name()));
    }
}
