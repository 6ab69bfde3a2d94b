//! Avro in the Confluent wire format, read as JSON: what senders write in Avro takes the same way as JSON from there on, and
//! outputs come back as the canonical JSON that they are hashed as.
//!
//! Schemas are parsed by `apache-avro`. Data are read here, because the reference reader takes what has been cut off for
//! `null`s, follows recursive schemas as deep as a record says, and builds a tree of values first. The tests hold this reader
//! against the reference.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use apache_avro::schema::{DecimalSchema, InnerDecimalSchema, NamespaceRef, UuidSchema};
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;

use crate::binary::{Malformed, Reader};
use crate::output::{Fields, push_str};

/// First byte of a value in the Confluent wire format; the schema's id follows in four, big-endian.
const MAGIC: u8 = 0;

/// Length of what stands before the datum.
const HEAD: usize = 5;

/// Bytes of JSON that a datum may become. An array of a million items of no fields takes four bytes in Avro.
const JSON_BYTES_MAX: usize = 64 << 20;

/// Types that a schema may have, those of its named types counted wherever they are used.
const TYPES_MAX: usize = 10_000;

/// Levels of types that a schema may have: as a JSON document.
const DEPTH_MAX: u32 = crate::document::DEPTH_MAX;

/// Values that a datum may hold. Those that take no bytes, and are left out, would cost time without end.
const VALUES_MAX: u32 = 4_000_000;

/// Bytes of an unscaled decimal: 38 digits.
const DECIMAL_BYTES_MAX: usize = 16;

/// The schema id and the datum of a value in the Confluent wire format; `None` for any other. No JSON begins so.
#[must_use]
pub fn unframe(value: &[u8]) -> Option<(u32, &[u8])> {
    let (head, datum) = value.split_at_checked(HEAD)?;
    let (magic, id) = head.split_first()?;
    let id = u32::from_be_bytes(id.try_into().ok()?);
    (*magic == MAGIC).then_some((id, datum))
}

/// What stands before a datum in the Confluent wire format.
#[must_use]
pub fn frame(schema_id: u32) -> [u8; HEAD] {
    let [a, b, c, d] = schema_id.to_be_bytes();
    [MAGIC, a, b, c, d]
}

/// What becomes of fields that are null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// They are written: canonical JSON has every field.
    Kept,
    /// They are left out: to a sender, null and absent are the same.
    Omitted,
}

/// Why a schema can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// It is no Avro schema.
    #[error(transparent)]
    Invalid(#[from] Box<apache_avro::Error>),
    /// A type is part of itself: a record could be as deep as it likes.
    #[error("{0} is part of itself")]
    Recursive(String),
    /// Its types are nested deeper than any event's.
    #[error("it has more than {DEPTH_MAX} levels")]
    Deep,
    /// It has more types than any event needs.
    #[error("it has more than {TYPES_MAX} types")]
    Large,
}

/// An Avro schema, ready to read data by.
#[derive(Debug)]
pub struct Schema(Arc<Type>);

#[derive(Debug)]
enum Type {
    Null,
    Boolean,
    Integer,
    /// Digits of a second: 3, 6 or 9.
    Timestamp(u8),
    Text,
    /// Of a length, or with its length before it.
    Decimal(Option<usize>, usize),
    Enum(Vec<String>),
    Array(Arc<Type>),
    Map(Arc<Type>),
    Union(Vec<Arc<Type>>),
    Record(Vec<(String, Arc<Type>)>),
    /// Bytes of no meaning to any field: of a length, or with their length before them.
    Opaque(Option<usize>),
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// [`SchemaError`].
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        Self::parse_with(text, &[])
    }

    /// Compiles a schema that uses named types of `references`.
    ///
    /// # Errors
    /// [`SchemaError`].
    pub fn parse_with(text: &str, references: &[String]) -> Result<Self, SchemaError> {
        let (schema, others) =
            apache_avro::Schema::parse_str_with_list(text, references).map_err(Box::new)?;
        let mut compiler = Compiler { types: 0, named: BTreeMap::new(), sources: BTreeMap::new() };
        for other in &others {
            if let Some(name) = other.name() {
                compiler.sources.insert(name.fullname(None), other);
            }
        }
        compiler.compile(&schema, None).map(|root| Self(root.compiled))
    }

    /// Reads a datum as JSON: fields in the order of the schema, times as RFC 3339 in UTC, decimals as strings. What has no
    /// exact form (a float, bytes) is an empty object, which no field takes.
    ///
    /// # Errors
    /// Where the bytes are not what the schema says, or more follow.
    pub fn json_of(&self, datum: &[u8], nulls: Nulls) -> Result<String, Malformed> {
        let mut out = String::with_capacity(datum.len() * 4);
        let mut datum = Datum { reader: Reader::new(datum), nulls, values: 0 };
        self.0.read(&mut datum, &mut out)?;
        datum.reader.end()?;
        Ok(out)
    }
}

struct Compiler<'s> {
    types: usize,
    /// Named types; `None` while they are being compiled.
    named: BTreeMap<String, Option<Compiled>>,
    /// Schemas that may be referred to.
    sources: BTreeMap<String, &'s apache_avro::Schema>,
}

/// A type and how many levels it has.
#[derive(Clone)]
struct Compiled {
    compiled: Arc<Type>,
    levels: u32,
}

impl Compiled {
    fn new(compiled: Type, levels_below: u32) -> Result<Self, SchemaError> {
        let levels = levels_below + 1;
        if levels > DEPTH_MAX {
            return Err(SchemaError::Deep);
        }
        Ok(Self { compiled: Arc::new(compiled), levels })
    }

    fn leaf(compiled: Type) -> Result<Self, SchemaError> {
        Self::new(compiled, 0)
    }
}

impl<'s> Compiler<'s> {
    fn compile(
        &mut self,
        schema: &'s apache_avro::Schema,
        namespace: NamespaceRef<'_>,
    ) -> Result<Compiled, SchemaError> {
        use apache_avro::Schema as Avro;
        self.types += 1;
        if self.types > TYPES_MAX {
            return Err(SchemaError::Large);
        }
        match schema {
            Avro::Null => Compiled::leaf(Type::Null),
            Avro::Boolean => Compiled::leaf(Type::Boolean),
            Avro::Int
            | Avro::Long
            | Avro::Date
            | Avro::TimeMillis
            | Avro::TimeMicros
            // Of no zone: no point in time.
            | Avro::LocalTimestampMillis
            | Avro::LocalTimestampMicros
            | Avro::LocalTimestampNanos => Compiled::leaf(Type::Integer),
            Avro::TimestampMillis => Compiled::leaf(Type::Timestamp(3)),
            Avro::TimestampMicros => Compiled::leaf(Type::Timestamp(6)),
            Avro::TimestampNanos => Compiled::leaf(Type::Timestamp(9)),
            Avro::String | Avro::Uuid(UuidSchema::String) => Compiled::leaf(Type::Text),
            Avro::Float => Compiled::leaf(Type::Opaque(Some(4))),
            Avro::Double => Compiled::leaf(Type::Opaque(Some(8))),
            Avro::Bytes | Avro::BigDecimal | Avro::Uuid(UuidSchema::Bytes) => Compiled::leaf(Type::Opaque(None)),
            Avro::Uuid(UuidSchema::Fixed(fixed)) | Avro::Duration(fixed) => {
                Compiled::leaf(Type::Opaque(Some(fixed.size)))
            }
            Avro::Decimal(DecimalSchema { scale, inner, .. }) => Compiled::leaf(match inner {
                InnerDecimalSchema::Bytes => Type::Decimal(None, *scale),
                InnerDecimalSchema::Fixed(fixed) => Type::Decimal(Some(fixed.size), *scale),
            }),
            Avro::Array(array) => {
                let items = self.compile(&array.items, namespace)?;
                Compiled::new(Type::Array(items.compiled), items.levels)
            }
            Avro::Map(map) => {
                let values = self.compile(&map.types, namespace)?;
                Compiled::new(Type::Map(values.compiled), values.levels)
            }
            Avro::Union(union) => {
                let (mut branches, mut levels) = (Vec::new(), 0);
                for branch in union.variants() {
                    let branch = self.compile(branch, namespace)?;
                    levels = levels.max(branch.levels);
                    branches.push(branch.compiled);
                }
                Compiled::new(Type::Union(branches), levels)
            }
            Avro::Enum(_) | Avro::Fixed(_) | Avro::Record(_) | Avro::Ref { .. } => self.named(schema, namespace),
        }
    }

    fn named(
        &mut self,
        schema: &'s apache_avro::Schema,
        namespace: NamespaceRef<'_>,
    ) -> Result<Compiled, SchemaError> {
        use apache_avro::Schema as Avro;
        let name = schema.name().map(|name| name.fully_qualified_name(namespace).into_owned());
        let full = name.as_ref().map(|name| name.fullname(None)).unwrap_or_default();
        if matches!(schema, Avro::Ref { .. }) {
            return match (self.named.get(&full), self.sources.get(&full)) {
                (Some(Some(known)), _) => Ok(known.clone()),
                (None, Some(source)) => {
                    let source = *source;
                    self.compile(source, None)
                }
                _ => Err(SchemaError::Recursive(full)),
            };
        }
        self.named.insert(full.clone(), None);
        let compiled = match schema {
            Avro::Enum(symbols) => Compiled::leaf(Type::Enum(symbols.symbols.clone())),
            Avro::Record(record) => {
                let within = name.as_ref().and_then(|name| name.namespace());
                let (mut fields, mut levels) = (Vec::new(), 0);
                for field in &record.fields {
                    let value = self.compile(&field.schema, within)?;
                    levels = levels.max(value.levels);
                    fields.push((field.name.clone(), value.compiled));
                }
                Compiled::new(Type::Record(fields), levels)
            }
            Avro::Fixed(fixed) => Compiled::leaf(Type::Opaque(Some(fixed.size))),
            _ => Compiled::leaf(Type::Opaque(None)),
        }?;
        self.named.insert(full, Some(compiled.clone()));
        Ok(compiled)
    }
}

/// A datum as it is read.
struct Datum<'a> {
    reader: Reader<'a>,
    nulls: Nulls,
    values: u32,
}

impl Type {
    fn read(&self, datum: &mut Datum<'_>, out: &mut String) -> Result<(), Malformed> {
        datum.values += 1;
        if datum.values > VALUES_MAX || out.len() > JSON_BYTES_MAX {
            return Err(datum.reader.malformed("the number of all values"));
        }
        let reader = &mut datum.reader;
        match self {
            Type::Null => out.push_str("null"),
            Type::Boolean => out.push_str(match reader.byte()? {
                0 => "false",
                1 => "true",
                _ => return Err(reader.malformed("a boolean")),
            }),
            Type::Integer => out.push_str(itoa::Buffer::new().format(reader.long()?)),
            Type::Timestamp(digits) => timestamp(reader, *digits, out)?,
            Type::Text => push_str(out, reader.str()?),
            Type::Decimal(length, scale) => {
                decimal(sized(reader, *length)?, *scale, out).ok_or_else(|| reader.malformed("a decimal"))?
            }
            Type::Enum(symbols) => {
                let symbol = usize::try_from(reader.long()?).ok().and_then(|index| symbols.get(index));
                push_str(out, symbol.ok_or_else(|| reader.malformed("an enum"))?);
            }
            Type::Array(items) => {
                out.push('[');
                blocks(datum, |datum, first| {
                    out.push_str(if first { "" } else { "," });
                    items.read(datum, out)
                })?;
                out.push(']');
            }
            Type::Map(values) => {
                out.push('{');
                blocks(datum, |datum, first| {
                    out.push_str(if first { "" } else { "," });
                    push_str(out, datum.reader.str()?);
                    out.push(':');
                    values.read(datum, out)
                })?;
                out.push('}');
            }
            Type::Union(branches) => {
                let branch = usize::try_from(reader.long()?).ok().and_then(|index| branches.get(index));
                branch.ok_or_else(|| reader.malformed("a union"))?.read(datum, out)?;
            }
            Type::Record(fields) => {
                out.push('{');
                for (name, field) in fields {
                    let before = out.len();
                    out.field(name);
                    let value = out.len();
                    field.read(datum, out)?;
                    if datum.nulls == Nulls::Omitted && out.get(value..) == Some("null") {
                        out.truncate(before);
                    }
                }
                out.push('}');
            }
            Type::Opaque(length) => {
                sized(reader, *length)?;
                out.push_str("{}");
            }
        }
        Ok(())
    }
}

/// Reads the items of an array or a map, whose blocks may say how long they are.
fn blocks<'a>(
    datum: &mut Datum<'a>,
    mut read: impl FnMut(&mut Datum<'a>, bool) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut first = true;
    loop {
        let count = datum.reader.long()?;
        if count == 0 {
            return Ok(());
        }
        if count < 0 {
            datum.reader.long()?;
        }
        for _ in 0..count.unsigned_abs() {
            read(datum, first)?;
            first = false;
        }
    }
}

fn sized<'a>(reader: &mut Reader<'a>, length: Option<usize>) -> Result<&'a [u8], Malformed> {
    match length {
        Some(length) => reader.fixed(length),
        None => reader.bytes(),
    }
}

fn timestamp(reader: &mut Reader<'_>, digits: u8, out: &mut String) -> Result<(), Malformed> {
    let units = reader.long()?;
    let timestamp = match digits {
        3 => Timestamp::from_millisecond(units),
        6 => Timestamp::from_microsecond(units),
        _ => Timestamp::from_nanosecond(units.into()),
    };
    match timestamp {
        Ok(timestamp) => {
            out.push('"');
            // Printing into a string can't fail.
            let _ = DateTimePrinter::new().precision(Some(digits)).print_timestamp(&timestamp, &mut *out);
            out.push('"');
        }
        // A time that no calendar has is the field's to refuse.
        Err(_) => out.push_str(itoa::Buffer::new().format(units)),
    }
    Ok(())
}

/// Two's complement, big-endian, over a power of ten.
fn decimal(bytes: &[u8], scale: usize, out: &mut String) -> Option<()> {
    if bytes.len() > DECIMAL_BYTES_MAX || scale > 64 {
        return None;
    }
    let negative = bytes.first().is_some_and(|first| first & 0x80 != 0);
    let mut wide = [if negative { 0xff } else { 0 }; DECIMAL_BYTES_MAX];
    wide.get_mut(DECIMAL_BYTES_MAX - bytes.len()..)?.copy_from_slice(bytes);
    let unscaled = i128::from_be_bytes(wide);
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let (sign, point) = (if negative { "-" } else { "" }, if scale > 0 { "." } else { "" });
    let _ = write!(out, "\"{sign}{whole}{point}{fraction}\"");
    Some(())
}
