//! Avro read as JSON: what each type becomes, what is refused, and the same as the reference reads.

use apache_avro::types::Value;
use daybook_wire::avro::{Nulls, Schema, frame, unframe};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

use crate::avro;

/// A record of one field.
fn record(field: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{{"name":"f","type":{field}}}]}}"#)
}

/// A value of such a field, written by the reference, must be read as this JSON.
fn check(field: &str, value: Value, json: &str) {
    let text = record(field);
    let reference = apache_avro::Schema::parse_str(&text).unwrap();
    let datum = avro::write(&reference, Value::Record(vec![("f".to_owned(), value)]));
    let schema = Schema::parse(&text).unwrap();
    assert_eq!(schema.json_of(&datum, Nulls::Kept).unwrap(), format!("{{\"f\":{json}}}"), "{field}");
    for cut in 0..datum.len() {
        assert!(
            schema.json_of(&datum[..cut], Nulls::Kept).is_err(),
            "{field}: cut off after {cut} bytes, it is read"
        );
    }
    assert!(
        schema.json_of(&[&datum[..], &[0]].concat(), Nulls::Kept).is_err(),
        "{field}: a byte more, and it is read"
    );
}

fn decimal(unscaled: &[u8]) -> Value {
    Value::Decimal(apache_avro::Decimal::from(unscaled))
}

#[test]
fn what_each_type_becomes() {
    let some = |value| Value::Union(1, Box::new(value));
    let money = r#"{"type":"bytes","logicalType":"decimal","precision":20,"scale":2}"#;
    for (field, value, json) in [
        (r#""string""#, Value::String("a \"b\"\n".to_owned()), r#""a \"b\"\n""#),
        (r#""boolean""#, Value::Boolean(true), "true"),
        (r#""int""#, Value::Int(-7), "-7"),
        (r#""long""#, Value::Long(i64::MIN), "-9223372036854775808"),
        (r#"["null","string"]"#, some(Value::String("x".to_owned())), r#""x""#),
        (r#"["null","string"]"#, Value::Union(0, Box::new(Value::Null)), "null"),
        (r#"{"type":"enum","name":"E","symbols":["a","b"]}"#, Value::Enum(1, "b".to_owned()), r#""b""#),
        (r#"{"type":"array","items":"int"}"#, Value::Array(vec![Value::Int(1), Value::Int(2)]), "[1,2]"),
        (r#"{"type":"array","items":"int"}"#, Value::Array(vec![]), "[]"),
        (
            r#"{"type":"map","values":"int"}"#,
            Value::Map([("k".to_owned(), Value::Int(1))].into_iter().collect()),
            r#"{"k":1}"#,
        ),
        // Times, in the unit that the schema says.
        (
            r#"{"type":"long","logicalType":"timestamp-millis"}"#,
            Value::TimestampMillis(1_768_903_954_567),
            r#""2026-01-20T10:12:34.567Z""#,
        ),
        (
            r#"{"type":"long","logicalType":"timestamp-micros"}"#,
            Value::TimestampMicros(1_768_903_954_567_890),
            r#""2026-01-20T10:12:34.567890Z""#,
        ),
        (
            r#"{"type":"long","logicalType":"timestamp-millis"}"#,
            Value::TimestampMillis(i64::MAX),
            "9223372036854775807",
        ),
        // Of no zone, so no point in time: a number, which no time is.
        (r#"{"type":"long","logicalType":"local-timestamp-millis"}"#, Value::LocalTimestampMillis(5), "5"),
        (r#"{"type":"int","logicalType":"date"}"#, Value::Date(20_000), "20000"),
        // Decimals, to the last digit.
        (money, decimal(&[0x69, 0xf8]), r#""271.28""#),
        (money, decimal(&[0x05]), r#""0.05""#),
        (money, decimal(&[0xff]), r#""-0.01""#),
        (money, decimal(&[0x00]), r#""0.00""#),
        (
            r#"{"type":{"type":"fixed","name":"F","size":4},"logicalType":"decimal","precision":9,"scale":0}"#,
            decimal(&[0, 0, 1, 0]),
            r#""256""#,
        ),
        // Of no exact form: nothing that a field takes.
        (r#""double""#, Value::Double(0.1), "{}"),
        (r#""float""#, Value::Float(0.1), "{}"),
        (r#""bytes""#, Value::Bytes(vec![1, 2]), "{}"),
        (r#"{"type":"fixed","name":"F","size":2}"#, Value::Fixed(2, vec![1, 2]), "{}"),
    ] {
        check(field, value, json);
    }
}

#[test]
fn a_float_is_no_amount() {
    let decode = |field: &str, value: Value| {
        let text = format!(
            r#"{{"type":"record","name":"R","fields":[{{"name":"eventId","type":"string"}},{{"name":"userId","type":"string"}},
            {{"name":"kind","type":"string"}},{{"name":"currency","type":"string"}},{{"name":"occurredAt","type":"string"}},{{"name":"amount","type":{field}}}]}}"#
        );
        let reference = apache_avro::Schema::parse_str(&text).unwrap();
        let text_of = |text: &str| Value::String(text.to_owned());
        let fields = [
            ("eventId", text_of("e")),
            ("userId", text_of("u")),
            ("kind", text_of("payment")),
            ("currency", text_of("USD")),
            ("occurredAt", text_of("2026-01-20T10:12:34Z")),
            ("amount", value),
        ];
        let datum = avro::write(&reference, Value::Record(fields.map(|(n, v)| (n.to_owned(), v)).to_vec()));
        let json = Schema::parse(&text).unwrap().json_of(&datum, Nulls::Kept).unwrap();
        let item =
            daybook_wire::input::decode(json.as_bytes(), daybook_wire::input::Context::default()).remove(0);
        item.event
            .map(|event| event.amount.unwrap().to_string())
            .map_err(|r| format!("{} {}", r.reason, r.path))
    };
    assert_eq!(decode(r#""double""#, Value::Double(10.5)), Err("amount_malformed amount".to_owned()));
    assert_eq!(decode(r#""string""#, Value::String("10.50".to_owned())), Ok("10.5".to_owned()));
    let money = r#"{"type":"bytes","logicalType":"decimal","precision":20,"scale":2}"#;
    assert_eq!(decode(money, decimal(&[0x04, 0x1a])), Ok("10.5".to_owned()));
}

#[test]
fn named_types_and_references() {
    let posting = r#"{"type":"record","name":"P","namespace":"n.s","fields":[{"name":"a","type":"int"}]}"#;
    let two = r#"{"type":"record","name":"R","namespace":"n.s","fields":[{"name":"x","type":"P"},{"name":"y","type":"n.s.P"}]}"#;
    let schema = Schema::parse_with(two, &[posting.to_owned()]).unwrap();
    assert_eq!(schema.json_of(&[2, 4], Nulls::Kept).unwrap(), r#"{"x":{"a":1},"y":{"a":2}}"#);
    assert!(Schema::parse(two).is_err(), "P is nowhere");
    let own = format!(
        r#"{{"type":"record","name":"R","namespace":"n.s","fields":[{{"name":"x","type":{posting}}},{{"name":"y","type":"P"}}]}}"#
    );
    assert_eq!(
        Schema::parse(&own).unwrap().json_of(&[2, 4], Nulls::Kept).unwrap(),
        r#"{"x":{"a":1},"y":{"a":2}}"#
    );
}

#[test]
fn nulls_are_kept_or_left_out() {
    let text = r#"{"type":"record","name":"R","fields":[{"name":"a","type":["null","int"]},{"name":"b","type":["null","string"]},
        {"name":"c","type":["null",{"type":"record","name":"I","fields":[{"name":"d","type":["null","int"]}]}]}]}"#;
    let schema = Schema::parse(text).unwrap();
    // a is null, b a text that looks like it, c a record of a null.
    let datum = [0, 2, 8, b'n', b'u', b'l', b'l', 2, 0];
    let check = |nulls, json: &str| assert_eq!(schema.json_of(&datum, nulls).unwrap(), json);
    check(Nulls::Kept, r#"{"a":null,"b":"null","c":{"d":null}}"#);
    check(Nulls::Omitted, r#"{"b":"null","c":{}}"#);
}

/// A record could be as deep as it likes, and the process would end for want of stack.
#[test]
fn recursive_schemas_are_refused() {
    for text in [
        r#"{"type":"record","name":"R","fields":[{"name":"r","type":["null","R"]}]}"#,
        r#"{"type":"record","name":"R","fields":[{"name":"r","type":{"type":"array","items":"R"}}]}"#,
        r#"{"type":"record","name":"A","fields":[{"name":"b","type":{"type":"record","name":"B","fields":[
            {"name":"a","type":{"type":"map","values":"A"}}]}}]}"#,
    ] {
        let error = Schema::parse(text).map(|_| ()).unwrap_err();
        assert!(error.to_string().ends_with("is part of itself"), "{error}");
    }
}

/// Deeper than a JSON document may be, though no type is part of itself.
#[test]
fn deep_schemas_are_refused() {
    let nested = |levels: u32| {
        (0..levels).fold(r#""int""#.to_owned(), |items, _| format!(r#"{{"type":"array","items":{items}}}"#))
    };
    assert!(Schema::parse(&nested(60)).is_ok());
    assert!(Schema::parse(&nested(100)).is_err());
    // By names, so that the text is flat.
    let flat = |levels: u32| {
        let record = |level: u32, inner: String| {
            format!(
                r#"{{"name":"x{level}","type":{{"type":"record","name":"R{level}","fields":[{inner}]}}}}"#
            )
        };
        let fields: Vec<_> = (0..levels)
            .map(|level| match level {
                0 => record(0, String::new()),
                _ => record(level, format!(r#"{{"name":"r","type":"R{}"}}"#, level - 1)),
            })
            .collect();
        format!(r#"{{"type":"record","name":"Top","fields":[{}]}}"#, fields.join(","))
    };
    assert!(Schema::parse(&flat(50)).is_ok());
    let error = Schema::parse(&flat(3_000)).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("levels"), "{error}");
}

/// Fields that take no bytes and are left out: what they cost has a bound all the same.
#[test]
fn many_fields_of_nothing() {
    let fields: Vec<_> = (0..5_000).map(|i| format!(r#"{{"name":"f{i}","type":"null"}}"#)).collect();
    let items = format!(r#"{{"type":"record","name":"E","fields":[{}]}}"#, fields.join(","));
    let schema = Schema::parse(&format!(r#"{{"type":"array","items":{items}}}"#)).unwrap();
    let mut datum = Vec::new();
    daybook_wire::binary::put_long(&mut datum, i64::MAX);
    assert!(schema.json_of(&datum, Nulls::Omitted).is_err());
}

/// Items that take no bytes: four bytes say how many millions there are.
#[test]
fn more_items_than_there_are_bytes() {
    for items in [r#""null""#, r#"{"type":"record","name":"E","fields":[]}"#] {
        let schema = Schema::parse(&format!(r#"{{"type":"array","items":{items}}}"#)).unwrap();
        let mut datum = Vec::new();
        daybook_wire::binary::put_long(&mut datum, i64::MAX);
        assert!(schema.json_of(&datum, Nulls::Kept).is_err());
        datum.clear();
        // A negative count comes with a length in bytes, which may lie.
        daybook_wire::binary::put_long(&mut datum, i64::MIN);
        datum.push(0);
        assert!(schema.json_of(&datum, Nulls::Kept).is_err());
    }
}

#[test]
fn the_confluent_wire_format() {
    assert_eq!(frame(258), [0, 0, 0, 1, 2]);
    assert_eq!(unframe(&[0, 0, 0, 1, 2, 7, 8]), Some((258, &[7, 8][..])));
    assert_eq!(unframe(&[0, 0, 0, 1, 2]), Some((258, &[][..])));
    for other in [&b"{\"a\":1}"[..], &[0, 0, 0, 1], &[], &[1, 0, 0, 1, 2, 7]] {
        assert_eq!(unframe(other), None, "{other:?}");
    }
}

/// A random value of a schema that has every type which has an exact JSON form.
fn values() -> impl Strategy<Value = Json> {
    (
        any::<i64>(),
        any::<Option<String>>(),
        any::<bool>(),
        proptest::collection::vec((any::<i32>(), "\\PC{0,9}"), 0..9),
    )
        .prop_map(|(long, text, boolean, items)| {
            let items: Vec<Json> = items.into_iter().map(|(i, s)| json!({ "i": i, "s": s })).collect();
            json!({ "long": long, "text": text, "boolean": boolean, "items": items })
        })
}

const RANDOM: &str = r#"{"type":"record","name":"R","fields":[
    {"name":"long","type":"long"},{"name":"text","type":["null","string"]},{"name":"boolean","type":"boolean"},
    {"name":"items","type":{"type":"array","items":{"type":"record","name":"I","fields":[
        {"name":"i","type":"int"},{"name":"s","type":"string"}]}}}]}"#;

proptest! {
    #[test]
    fn what_the_reference_writes_is_read(value in values()) {
        let (reference, schema) = (apache_avro::Schema::parse_str(RANDOM).unwrap(), Schema::parse(RANDOM).unwrap());
        let as_avro = avro::of_json(&serde_json::from_str(RANDOM).unwrap(), &value).unwrap();
        let read = schema.json_of(&avro::write(&reference, as_avro), Nulls::Kept).unwrap();
        prop_assert_eq!(serde_json::from_str::<Json>(&read).unwrap(), value);
    }

    /// Never a panic, and never less strict than the reference.
    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let (reference, schema) = (apache_avro::Schema::parse_str(RANDOM).unwrap(), Schema::parse(RANDOM).unwrap());
        if let Ok(json) = schema.json_of(&bytes, Nulls::Kept) {
            prop_assert!(serde_json::from_str::<Json>(&json).is_ok(), "{}", json);
            prop_assert!(avro::read(&reference, &bytes).is_ok());
        }
    }
}
