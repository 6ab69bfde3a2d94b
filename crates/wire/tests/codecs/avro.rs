//! The reference implementation: JSON and journal records as Avro values, and those as bytes.

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use serde_json::Value as Json;

/// Reads a datum; nothing may be left over.
pub fn read(schema: &Schema, bytes: &[u8]) -> Result<Value, String> {
    let mut rest = bytes;
    let reader = GenericDatumReader::builder(schema).build().map_err(|e| e.to_string())?;
    let value = reader.read_value(&mut rest).map_err(|e| e.to_string())?;
    if rest.is_empty() { Ok(value) } else { Err(format!("{} bytes left", rest.len())) }
}

/// Writes a datum; the value must be of the schema.
pub fn write(schema: &Schema, value: Value) -> Vec<u8> {
    GenericDatumWriter::builder(schema).build().unwrap().write_value_to_vec(value).unwrap()
}

/// A JSON value as the Avro value that a schema says, times converted. Says where it has other fields or types.
pub fn of_json(schema: &Json, value: &Json) -> Result<Value, String> {
    let wrong = || format!("{value} is no {schema}");
    match schema {
        Json::String(name) => match (name.as_str(), value) {
            ("string", Json::String(s)) => Ok(Value::String(s.clone())),
            ("boolean", Json::Bool(b)) => Ok(Value::Boolean(*b)),
            ("long", Json::Number(n)) => n.to_string().parse().map(Value::Long).map_err(|_| wrong()),
            ("int", Json::Number(n)) => n.to_string().parse().map(Value::Int).map_err(|_| wrong()),
            ("null", Json::Null) => Ok(Value::Null),
            _ => Err(wrong()),
        },
        Json::Array(branches) => {
            let fits = |(i, branch)| of_json(branch, value).ok().map(|v| (i, v));
            let (branch, value) = branches.iter().enumerate().find_map(fits).ok_or_else(wrong)?;
            Ok(Value::Union(u32::try_from(branch).unwrap(), Box::new(value)))
        }
        Json::Object(_) if schema["logicalType"] == "timestamp-millis" => {
            let text = value.as_str().ok_or_else(wrong)?;
            let time: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
            // One way to write a time: UTC, milliseconds.
            let canonical = text.len() == 24 && text.ends_with('Z');
            if canonical { Ok(Value::TimestampMillis(time.as_millisecond())) } else { Err(wrong()) }
        }
        Json::Object(_) if schema["type"] == "array" => {
            let items = value.as_array().ok_or_else(wrong)?;
            items
                .iter()
                .map(|item| of_json(&schema["items"], item))
                .collect::<Result<_, _>>()
                .map(Value::Array)
        }
        Json::Object(_) if schema["type"] == "record" => {
            let members = value.as_object().ok_or_else(wrong)?;
            let fields = schema["fields"].as_array().unwrap();
            let known = |name: &String| fields.iter().any(|f| f["name"] == name.as_str());
            if let Some(unknown) = members.keys().find(|name| !known(name)) {
                return Err(format!("{unknown} is no field of the schema"));
            }
            let field = |field: &Json| {
                let name = field["name"].as_str().unwrap();
                let value = members.get(name).ok_or_else(|| format!("{name} is missing"))?;
                of_json(&field["type"], value)
                    .map(|v| (name.to_owned(), v))
                    .map_err(|e| format!("{name}: {e}"))
            };
            fields.iter().map(field).collect::<Result<_, _>>().map(Value::Record)
        }
        _ => Err(wrong()),
    }
}
