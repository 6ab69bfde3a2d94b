//! Avro's binary encoding of primitives: zig-zag variable-length integers and length-prefixed bytes.
//!
//! Written by hand because a value tree per record costs 20 to 40 times as much; the tests hold every codec that
//! is built on it against the reference implementation and the schemas.

use daybook_core::name::Name;

/// Bytes that are not what the schema says. Carries where it went wrong, not what was there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {at} is not as the schema says")]
pub struct Malformed {
    /// What was to be read.
    pub what: &'static str,
    /// How many bytes were left unread.
    pub at: usize,
}

/// Appends a `long` (or `int`).
pub fn put_long(out: &mut Vec<u8>, value: i64) {
    #[allow(clippy::cast_sign_loss)]
    let mut zigzag = ((value << 1) ^ (value >> 63)) as u64;
    while zigzag >= 0x80 {
        #[allow(clippy::cast_possible_truncation)]
        out.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    #[allow(clippy::cast_possible_truncation)]
    out.push(zigzag as u8);
}

/// Appends a number that is not negative as a `long`. Numbers from 2^63 on can't occur and are cut to that.
pub fn put_count(out: &mut Vec<u8>, value: u64) {
    put_long(out, i64::try_from(value).unwrap_or(i64::MAX));
}

/// Appends `bytes` or a `string`.
pub fn put_bytes(out: &mut Vec<u8>, value: &[u8]) {
    put_count(out, value.len() as u64);
    out.extend_from_slice(value);
}

/// Appends a `string`.
pub fn put_str(out: &mut Vec<u8>, value: &str) {
    put_bytes(out, value.as_bytes());
}

/// Appends a union of `null` and something.
pub fn put_option<T>(out: &mut Vec<u8>, value: Option<T>, put: impl FnOnce(&mut Vec<u8>, T)) {
    match value {
        None => put_long(out, 0),
        Some(value) => {
            put_long(out, 1);
            put(out, value);
        }
    }
}

/// Reads what the `put_` functions write.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of `bytes` from their start.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The error of `what` at this place.
    #[must_use]
    pub fn malformed(&self, what: &'static str) -> Malformed {
        Malformed { what, at: self.bytes.len() }
    }

    /// Reads one byte.
    ///
    /// # Errors
    /// Where the bytes end; so for all that follow, and where a value is outside its range.
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.bytes.split_first().ok_or_else(|| self.malformed("a byte"))?;
        self.bytes = rest;
        Ok(*first)
    }

    /// Reads a `long`.
    #[allow(clippy::missing_errors_doc, clippy::cast_possible_wrap)]
    pub fn long(&mut self) -> Result<i64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(self.malformed("a long"))
    }

    /// Reads a number that is not negative.
    #[allow(clippy::missing_errors_doc)]
    pub fn count(&mut self) -> Result<u64, Malformed> {
        u64::try_from(self.long()?).map_err(|_| self.malformed("a count"))
    }

    /// Reads an integer of a smaller type.
    #[allow(clippy::missing_errors_doc)]
    pub fn int<T: TryFrom<i64>>(&mut self) -> Result<T, Malformed> {
        T::try_from(self.long()?).map_err(|_| self.malformed("an int"))
    }

    /// Reads `bytes`.
    #[allow(clippy::missing_errors_doc)]
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.count()?).map_err(|_| self.malformed("a length"))?;
        self.fixed(length)
    }

    /// Reads so many bytes.
    #[allow(clippy::missing_errors_doc)]
    pub fn fixed(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or_else(|| self.malformed("bytes"))?;
        self.bytes = rest;
        Ok(taken)
    }

    /// Reads a `string`.
    #[allow(clippy::missing_errors_doc)]
    pub fn str(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| self.malformed("a string"))
    }

    /// Reads a `string` as a name.
    #[allow(clippy::missing_errors_doc)]
    pub fn name(&mut self) -> Result<Name, Malformed> {
        self.str().map(Name::from)
    }

    /// Reads a union of `null` and something.
    #[allow(clippy::missing_errors_doc)]
    pub fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        match self.long()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(self.malformed("a union")),
        }
    }

    /// Makes sure that nothing is left.
    #[allow(clippy::missing_errors_doc)]
    pub fn end(self) -> Result<(), Malformed> {
        if self.bytes.is_empty() { Ok(()) } else { Err(self.malformed("the end")) }
    }
}
