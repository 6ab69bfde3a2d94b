//! JSON documents as senders write them, numbers kept as their text.
//!
//! Stricter than JSON where lenience would hide a sender's bug: a key given twice, a NUL or nesting deeper than
//! [`DEPTH_MAX`] make a document malformed.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiter::{Jiter, Peek};

/// Levels of arrays and objects that a document may have.
pub const DEPTH_MAX: u32 = 64;

/// Objects with more keys than this are checked for duplicates with a set.
const SCAN_MAX: usize = 24;

/// A JSON value. Text is borrowed from the document's own where nothing in it is escaped.
#[derive(Clone, Debug, PartialEq)]
pub enum Document<'a> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as its text.
    Number(&'a str),
    /// A string.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Document<'a>>),
    /// An object, in the order of the text; no key stands twice.
    Object(Vec<(Cow<'a, str>, Document<'a>)>),
}

/// The text is not one JSON document by the rules above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed JSON at byte {at}")]
pub struct MalformedJson {
    /// Where, as a byte offset.
    pub at: usize,
}

impl<'a> Document<'a> {
    /// Reads a document.
    ///
    /// # Errors
    /// [`MalformedJson`] for bad syntax, invalid UTF-8, `NaN`, trailing text, a NUL, a duplicate key, and for
    /// nesting beyond [`DEPTH_MAX`].
    pub fn parse(text: &'a [u8]) -> Result<Self, MalformedJson> {
        let mut jiter = Jiter::new(text);
        let document = (|| {
            let peek = jiter.peek().ok()?;
            let document = read(&mut jiter, text, peek, 0)?;
            jiter.finish().ok().map(|()| document)
        })();
        document.ok_or_else(|| MalformedJson { at: jiter.current_index() })
    }

    /// The text of a number or a string.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Document::Number(text) => Some(text),
            Document::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a key; `None` where it is absent, `null`, or this is no object.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Document<'a>> {
        let Document::Object(members) = self else { return None };
        let found = members.iter().find(|(k, _)| same(k, key)).map(|(_, v)| v);
        found.filter(|v| !matches!(v, Document::Null))
    }
}

/// Equality of keys. Most differ in length or in the first byte, which is cheaper to see than to call for.
fn same(a: &str, b: &str) -> bool {
    a.len() == b.len() && a.as_bytes().first() == b.as_bytes().first() && a == b
}

/// A bit for a key, by its length and ends: keys with different bits differ.
fn bit(key: &str) -> u64 {
    let (first, last) = (key.as_bytes().first(), key.as_bytes().last());
    let mixed = key.len()
        + 7 * usize::from(first.copied().unwrap_or(0))
        + 31 * usize::from(last.copied().unwrap_or(0));
    1 << (mixed % 64)
}

fn read<'a>(jiter: &mut Jiter<'_>, source: &'a [u8], peek: Peek, depth: u32) -> Option<Document<'a>> {
    if depth > DEPTH_MAX {
        return None;
    }
    Some(match peek {
        Peek::Null => {
            jiter.known_null().ok()?;
            Document::Null
        }
        Peek::True | Peek::False => Document::Bool(jiter.known_bool(peek).ok()?),
        Peek::String => Document::String(text(jiter.known_str().ok()?, source)?),
        Peek::Array => {
            let mut items = Vec::new();
            let mut next = jiter.known_array().ok()?;
            while let Some(peek) = next {
                items.push(read(jiter, source, peek, depth + 1)?);
                next = jiter.array_step().ok()?;
            }
            Document::Array(items)
        }
        Peek::Object => {
            let mut keys = BTreeSet::new();
            let mut bits = 0_u64;
            let mut next = jiter.known_object().ok()?.map(|key| text(key, source));
            // Room for a usual event at once; none for `{}`, of which a record can hold millions.
            let room = if next.is_some() { 8 } else { 0 };
            let mut members: Vec<(Cow<'a, str>, Document<'a>)> = Vec::with_capacity(room);
            while let Some(key) = next {
                let key = key?;
                if members.len() < SCAN_MAX {
                    let bit = bit(&key);
                    if bits & bit != 0 && members.iter().any(|(k, _)| same(k, &key)) {
                        return None;
                    }
                    bits |= bit;
                } else {
                    if keys.is_empty() {
                        keys.extend(members.iter().map(|(k, _)| k.clone()));
                    }
                    if !keys.insert(key.clone()) {
                        return None;
                    }
                }
                let peek = jiter.peek().ok()?;
                members.push((key, read(jiter, source, peek, depth + 1)?));
                next = jiter.next_key().ok()?.map(|key| text(key, source));
            }
            Document::Object(members)
        }
        number if number.is_num() => {
            let digits = std::str::from_utf8(jiter.known_number_bytes(number).ok()?).ok()?;
            // The parser's own extensions (`NaN`, `Infinity`) are not numbers of JSON.
            let is_json = digits.ends_with(|c: char| c.is_ascii_digit());
            is_json.then(|| within(digits, source)).flatten().map(Document::Number)?
        }
        _ => return None,
    })
}

/// The same text as a part of the source, if it is one: the parser lends text for the length of one call only.
fn within<'a>(text: &str, source: &'a [u8]) -> Option<&'a str> {
    let at = (text.as_ptr() as usize).checked_sub(source.as_ptr() as usize)?;
    std::str::from_utf8(source.get(at..at.checked_add(text.len())?)?).ok()
}

fn text<'a>(text: &str, source: &'a [u8]) -> Option<Cow<'a, str>> {
    match within(text, source) {
        // As it stands in the source, where a NUL is no part of any string.
        Some(text) => Some(Cow::Borrowed(text)),
        None => (!text.contains('\0')).then(|| Cow::Owned(text.to_owned())),
    }
}
