//! Avro's binary encoding, by `schemas/*.avsc`.

use daybook_core::calendar::Day;

use super::fields::{Fields, Number};
use super::json::push_day;
use crate::binary::{put_count, put_long, put_option, put_str};

/// An Avro datum, appended to. It holds no names: the order of the fields is that of the schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Datum(pub Vec<u8>);

impl Fields for Datum {
    fn record(&mut self, write: impl FnOnce(&mut Self)) {
        write(self);
    }

    fn field(&mut self, _: &str) {}

    fn text(&mut self, value: &str) {
        put_str(&mut self.0, value);
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        put_option(&mut self.0, value.as_ref().map(|_| ()), |_, ()| {});
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn array<T>(&mut self, items: impl ExactSizeIterator<Item = T>, mut write: impl FnMut(&mut Self, T)) {
        if items.len() > 0 {
            put_count(&mut self.0, items.len() as u64);
            items.for_each(|item| write(self, item));
        }
        put_count(&mut self.0, 0);
    }

    /// A number beyond a `long` is written as the nearest that it can hold.
    fn integer(&mut self, value: impl Number) {
        let is_negative = itoa::Buffer::new().format(value).starts_with('-');
        let bound = if is_negative { i64::MIN } else { i64::MAX };
        put_long(&mut self.0, value.try_into().unwrap_or(bound));
    }

    fn timestamp(&mut self, time_ms: i64) {
        put_long(&mut self.0, time_ms);
    }

    fn date(&mut self, day: Day) {
        let mut text = String::with_capacity(10);
        push_day(&mut text, day);
        self.text(&text);
    }
}
