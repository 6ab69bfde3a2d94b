//! `docs/reference/schemas.md`: what is in the topics, from the schemas that the registry is given.

use std::fmt::Write;

use daybook_wire::schemas;
use daybook_wire::topic::Topic;
use serde_json::Value;

use super::{check_page, generated};

/// A type in a few words, without what is inside its records.
fn kind(schema: &Value) -> String {
    match schema {
        Value::String(name) => name.clone(),
        Value::Array(union) => union.iter().map(kind).collect::<Vec<_>>().join(" or "),
        _ => match (schema["logicalType"].as_str(), schema["type"].as_str()) {
            (Some(logical), Some(plain)) => format!("{plain} ({logical})"),
            (None, Some("array")) => format!("array of {}", kind(&schema["items"])),
            (None, Some("map")) => format!("map of {}", kind(&schema["values"])),
            (None, Some("enum")) => {
                let symbols = schema["symbols"].as_array().into_iter().flatten().filter_map(Value::as_str);
                format!("one of {}", symbols.collect::<Vec<_>>().join(", "))
            }
            (None, Some(plain)) => plain.to_owned(),
            (_, None) => kind(&schema["type"]),
        },
    }
}

/// A row for each field, those of records inside it included.
fn rows(schema: &Value, path: &str, page: &mut String) {
    match (schema, schema["type"].as_str()) {
        (Value::Array(union), _) => union.iter().for_each(|one| rows(one, path, page)),
        (_, Some("array")) => rows(&schema["items"], &format!("{path}[]"), page),
        (_, Some("map")) => rows(&schema["values"], &format!("{path}.*"), page),
        (_, Some("record")) => {
            for field in schema["fields"].as_array().into_iter().flatten() {
                let name = field["name"].as_str().expect("a field has a name");
                let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                let about = field["doc"].as_str().unwrap_or_else(|| panic!("{path} is not described"));
                writeln!(page, "| `{path}` | {} | {} |", kind(&field["type"]), about.replace('|', "\\|"))
                    .expect("a string takes all");
                rows(&field["type"], &path, page);
            }
        }
        _ => {}
    }
}

fn table(schema: &Value, page: &mut String) {
    page.push_str("| field | type | what it is |\n| --- | --- | --- |\n");
    rows(schema, "", page);
    page.push('\n');
}

/// A schema's own words, the page that they name as a link.
fn about(schema: &Value) -> String {
    let about = schema["doc"].as_str().expect("a record is described").to_owned();
    let Some((words, path)) = about.split_once(" docs/") else { return about };
    format!("{words} [{path}](../{path})")
}

#[test]
fn the_page_lists_every_field_of_every_schema() {
    let mut page = generated("Topics and schemas", "schemas/ and crates/wire/src/topic.rs");
    page.push_str(
        "The fields of every input and output, from the Avro schemas in `schemas/` that `daybook topics apply` registers. \
         JSON has the same fields in the same order; times (`timestamp-millis`) are RFC 3339 in UTC there. Names of \
         topics are the defaults: `kafka.topic_prefix` and `kafka.topics` change them. Records of a compacted topic are \
         rows: the last one of a key counts. How the topics are made: [on Kafka](../kafka.md#topics). What is refused \
         goes as it came to `charges.dlq`, `spend.dlq` or `settings.dlq`: [dead letters](../dead-letters.md).\n\n\
         ## Outputs\n\n",
    );
    let cleanup = |topic: Topic| if topic.is_compacted() { "compacted" } else { "kept" };
    for (topic, schema) in schemas::outputs() {
        let schema: Value = serde_json::from_str(schema).expect("a schema is JSON");
        let doc = about(&schema);
        assert!(doc.contains("Key: "), "{}: no word of its key", topic.name());
        let name = topic.name();
        writeln!(
            page,
            "### {name}\n\n{doc} Cleanup: {}. File: [{name}.avsc](../../schemas/{name}.avsc).\n",
            cleanup(topic)
        )
        .expect("a string takes all");
        table(&schema, &mut page);
    }
    page.push_str(
        "## Inputs\n\nA sender may use a schema of its own: what counts is the fields' names. Each has a JSON Schema \
         beside it, `schemas/input/NAME.schema.json`.\n\n",
    );
    for input in schemas::inputs() {
        let schema: Value = serde_json::from_str(input.schema).expect("a schema is JSON");
        let (record, topic) = (schema["name"].as_str().expect("a record has a name"), input.topic.name());
        let subject =
            input.record.map_or_else(|| format!("{topic}-value"), |record| format!("{topic}-{record}"));
        let cleanup = cleanup(input.topic);
        writeln!(
            page,
            "### {record}\n\n{} Topic: `{topic}`, {cleanup}. Subject: `{subject}`.\n",
            about(&schema)
        )
        .expect("a string takes all");
        table(&schema, &mut page);
    }
    check_page("schemas.md", &format!("{}\n", page.trim_end()));
}
