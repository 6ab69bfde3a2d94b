//! Schemas through their versions: what consumers have read once, every later schema must be able to read
//! (`BACKWARD_TRANSITIVE`).
//!
//! `schemas/versions/NAME.vN.avsc` are the versions that were published. A new version is added beside them with
//! `DAYBOOK_BLESS=1 cargo test -p daybook-wire --test codecs versions`; one that is there is never changed.

use std::collections::BTreeMap;
use std::path::PathBuf;

use apache_avro::Schema;
use apache_avro::schema_compatibility::SchemaCompatibility;
use daybook_wire::schemas;
use serde_json::{Value as Json, json};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../schemas/versions")
}

/// Each schema that is registered: its file's name and its text.
fn current() -> BTreeMap<String, &'static str> {
    let input = |input: schemas::InputSchema| {
        let record = serde_json::from_str::<Json>(input.schema).unwrap();
        (format!("input.{}", record["name"].as_str().unwrap()), input.schema)
    };
    let outputs = schemas::outputs().map(|(topic, schema)| (topic.name().to_owned(), schema));
    outputs.chain(schemas::inputs().map(input)).collect()
}

/// The published versions of a schema, the oldest first.
fn published(name: &str) -> Vec<String> {
    let read = |version: u32| std::fs::read_to_string(folder().join(format!("{name}.v{version}.avsc"))).ok();
    (1..).map_while(read).collect()
}

/// Whether `new` reads what was written by each of `old`.
fn check(old: &[String], new: &str) -> Result<(), String> {
    let reader = Schema::parse_str(new).map_err(|e| e.to_string())?;
    for (version, old) in (1..).zip(old) {
        let writer = Schema::parse_str(old).map_err(|e| e.to_string())?;
        SchemaCompatibility::can_read(&writer, &reader)
            .map_err(|e| format!("can't read version {version}: {e}"))?;
    }
    Ok(())
}

#[test]
fn every_schema_reads_what_its_versions_wrote() {
    for (name, schema) in current() {
        let mut versions = published(&name);
        let is_new = versions.last().is_none_or(|last| last.trim() != schema);
        if is_new && std::env::var_os("DAYBOOK_BLESS").is_some() {
            let file = folder().join(format!("{name}.v{}.avsc", versions.len() + 1));
            std::fs::write(file, format!("{schema}\n")).unwrap();
            versions.push(schema.to_owned());
        }
        check(&versions, schema).unwrap_or_else(|e| panic!("{name}: {e}"));
        let last = versions.last().unwrap_or_else(|| panic!("{name} has no published version"));
        assert_eq!(last.trim(), schema, "{name} has changed: publish it as a new version");
    }
}

/// What is changed, and how.
type Change<'a> = (&'a str, &'a dyn Fn(&mut Vec<Json>));

/// What a new version may do and what not.
#[test]
fn changes_that_old_data_survive_and_others() {
    let schema = current()["revenue.daily"];
    let old = [schema.to_owned()];
    let changed = |change: &dyn Fn(&mut Vec<Json>)| {
        let mut schema: Json = serde_json::from_str(schema).unwrap();
        change(schema["fields"].as_array_mut().unwrap());
        schema.to_string()
    };
    let allowed: [Change<'_>; 3] = [
        ("a field with a default", &|f| f.push(json!({"name": "tax_minor", "type": "long", "default": 0}))),
        ("a field less", &|f| {
            f.pop();
        }),
        ("a wider type", &|f| {
            let digits = f.iter_mut().find(|f| f["name"] == "minor_digits").unwrap();
            digits["type"] = json!("long");
        }),
    ];
    for (what, change) in allowed {
        assert_eq!(check(&old, &changed(change)), Ok(()), "{what}");
    }
    let refused: [Change<'_>; 3] = [
        ("a field without a default", &|f| f.push(json!({"name": "tax_minor", "type": "long"}))),
        ("another name", &|f| f[0]["name"] = json!("as_of_time")),
        ("another type", &|f| f[1]["type"] = json!("string")),
    ];
    for (what, change) in refused {
        assert!(check(&old, &changed(change)).is_err(), "{what}");
    }
}

/// Canonical JSON is written in the order of the fields: it has to be that of their names.
#[test]
fn fields_of_outputs_are_in_order() {
    fn check(schema: &Json) {
        for field in schema["fields"].as_array().into_iter().flatten() {
            let own = [&field["type"], &field["type"]["items"]];
            let branches = field["type"].as_array().into_iter().flatten();
            own.into_iter().chain(branches).for_each(check);
        }
        let fields = schema["fields"].as_array().into_iter().flatten();
        let names: Vec<_> = fields.filter_map(|f| f["name"].as_str()).collect();
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }
    for (_, schema) in schemas::outputs() {
        check(&serde_json::from_str(schema).unwrap());
    }
}
