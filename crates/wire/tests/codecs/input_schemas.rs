//! `schemas/input`: of each input a JSON Schema and an Avro schema that have the same fields, those that its page lists
//! and the decoder reads. Which records they accept is checked by `tests/e2e/schemas.rs`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use apache_avro::Schema;
use daybook_wire::input::{Context, decode, decode_spend};
use daybook_wire::settings;
use serde_json::Value;

/// A field by its path: whether it and all that it is in is required, and what it is.
type Fields = BTreeMap<String, (bool, String)>;

/// Reads a file of the repository.
fn read(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn json_schema(name: &str) -> Value {
    serde_json::from_str(&read(&format!("schemas/input/{name}.schema.json"))).unwrap()
}

fn avro_schema(name: &str) -> Value {
    serde_json::from_str(&read(&format!("schemas/input/{name}.avsc"))).unwrap()
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn symbols(list: &Value) -> String {
    let names = list.as_array().unwrap().iter().map(|s| s.as_str().unwrap());
    format!("one of {}", names.collect::<Vec<_>>().join(" "))
}

/// The leaves of a JSON Schema, and that everything in it is described.
fn of_json(root: &Value, schema: &Value, path: &str, required: bool, fields: &mut Fields) {
    let described = |s: &Value| s["description"].as_str().is_some_and(|d| d.len() > 2);
    if let Some(properties) = schema["properties"].as_object() {
        let needs = |name: &str| schema["required"].as_array().is_some_and(|r| r.iter().any(|n| n == name));
        for (name, property) in properties {
            let path = joined(path, name);
            assert!(described(property), "{path} is not described");
            of_json(root, property, &path, required && needs(name), fields);
        }
    } else if !schema["items"].is_null() {
        of_json(root, &schema["items"], &format!("{path}[]"), required, fields);
    } else if schema["additionalProperties"]["properties"].is_object() {
        of_json(root, &schema["additionalProperties"], &format!("{path}.*"), required, fields);
    } else {
        fields.insert(path.to_owned(), (required, json_leaf(root, schema)));
    }
}

fn json_leaf(root: &Value, schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        return json_leaf(root, &root["$defs"][reference.strip_prefix("#/$defs/").unwrap()]);
    }
    if schema["enum"].is_array() {
        return symbols(&schema["enum"]);
    }
    if let Some(first) = schema["oneOf"].get(0) {
        return json_leaf(root, first);
    }
    if let Some(constant) = schema.get("const") {
        return if constant.is_string() { "text" } else { "whole" }.to_owned();
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).filter(|t| *t != "null").collect(),
        one => vec![one.as_str().unwrap()],
    };
    match (types.as_slice(), schema["format"].as_str()) {
        (["string"], Some("date-time")) => "time".to_owned(),
        // A decimal number is text where it is no number of JSON.
        (["string"] | ["number", "string"], None) => "text".to_owned(),
        (["integer"] | ["integer", "string"], None) => "whole".to_owned(),
        (["boolean"], None) => "boolean".to_owned(),
        (["object"], None) => format!("map of {}", json_leaf(root, &schema["additionalProperties"])),
        other => panic!("{other:?} in {schema}"),
    }
}

/// The leaves of an Avro schema; what is optional has the default null, and everything is described.
fn of_avro(schema: &Value, path: &str, required: bool, fields: &mut Fields) {
    if schema["type"] == "record" {
        for field in schema["fields"].as_array().unwrap() {
            let path = joined(path, field["name"].as_str().unwrap());
            assert!(field["doc"].as_str().is_some_and(|d| d.len() > 2), "{path} is not described");
            match &field["type"] {
                Value::Array(branches) => {
                    assert!(branches.len() == 2 && branches[0] == "null", "{path}: {branches:?}");
                    assert_eq!(field.get("default"), Some(&Value::Null), "{path}");
                    of_avro(&branches[1], &path, false, fields);
                }
                required_type => of_avro(required_type, &path, required, fields),
            }
        }
    } else if schema["type"] == "array" {
        of_avro(&schema["items"], &format!("{path}[]"), required, fields);
    } else if schema["type"] == "map" && schema["values"]["type"] == "record" {
        of_avro(&schema["values"], &format!("{path}.*"), required, fields);
    } else {
        fields.insert(path.to_owned(), (required, avro_leaf(schema)));
    }
}

fn avro_leaf(schema: &Value) -> String {
    match schema {
        Value::String(name) => match name.as_str() {
            "string" => "text",
            "int" | "long" => "whole",
            "boolean" => "boolean",
            other => panic!("{other} is no type of an input"),
        }
        .to_owned(),
        _ if schema["logicalType"] == "timestamp-millis" => "time".to_owned(),
        _ if schema["type"] == "enum" => symbols(&schema["symbols"]),
        _ if schema["type"] == "map" => format!("map of {}", avro_leaf(&schema["values"])),
        _ => panic!("{schema} is no type of an input"),
    }
}

/// Fields by the table of a page: their paths and whether the table says that they are required. What a path leaves out
/// in front is `inside`.
fn of_page(page: &str, inside: &[(&str, &str)]) -> BTreeMap<String, bool> {
    let mut fields = BTreeMap::new();
    let rows = page.lines().skip_while(|l| !l.starts_with("| field ") && !l.starts_with("| key "));
    for row in rows.skip(2).take_while(|line| line.starts_with('|')) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let mut before = String::new();
        for name in cells[1].split(", ").map(|name| name.trim_matches('`')) {
            // `.fixed` is beside what stands before it.
            let name = match name.strip_prefix('.') {
                Some(last) => joined(before.rsplit_once('.').unwrap().0, last),
                None => name.replace("PROCESSOR", "*"),
            };
            before.clone_from(&name);
            let within = inside.iter().find(|(start, _)| name.starts_with(start));
            let path = within.map_or(String::new(), |(_, outer)| (*outer).to_owned()) + &name;
            fields.insert(path, cells[2] == "yes");
        }
    }
    fields
}

fn check(name: &str, inside: &[(&str, &str)], full: &Value) {
    let (json, avro) = (json_schema(name), avro_schema(name));
    Schema::parse(&avro).unwrap_or_else(|e| panic!("{name}.avsc: {e}"));
    assert_eq!(avro["namespace"], "daybook.input");
    assert_eq!(json["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let (mut of_json_schema, mut of_avro_schema) = (Fields::new(), Fields::new());
    of_json(&json, &json, "", true, &mut of_json_schema);
    of_avro(&avro, "", true, &mut of_avro_schema);
    assert_eq!(of_json_schema, of_avro_schema, "{name}: JSON Schema, then Avro");

    let mut listed = of_page(&read(&format!("docs/formats/{name}.md")), inside);
    if listed.remove("splits[].partners[]").is_some() {
        // Named in the row's text; nothing of settings is marked as required in their table.
        listed.extend(
            ["type", "name", "percentage"].map(|last| (format!("splits[].partners[].{last}"), false)),
        );
    }
    let of_schema: BTreeMap<String, bool> =
        of_json_schema.iter().map(|(path, (required, _))| (path.clone(), *required)).collect();
    assert_eq!(listed, of_schema, "docs/formats/{name}.md, then schemas/input/{name}");

    // The decoder reads each of them, since it refuses what none of them can be.
    assert_eq!(fault(name, full), None, "{full}");
    for path in of_schema.keys() {
        let mut wrong = full.clone();
        assert!(
            full.to_string().contains(&format!("{:?}:", path.rsplit(['.', '*']).next().unwrap())),
            "{path}"
        );
        let place = path.split('.').fold(&mut wrong, |at, step| {
            let step = if step == "*" { "stripe" } else { step };
            match step.strip_suffix("[]") {
                Some(list) => &mut at[list][0],
                None => &mut at[step],
            }
        });
        *place = serde_json::json!([true]);
        assert!(fault(name, &wrong).is_some(), "{name}: the decoder does not read {path}");
    }
}

/// What the decoder finds wrong.
fn fault(name: &str, record: &Value) -> Option<String> {
    let bytes = record.to_string().into_bytes();
    match name {
        "settings" => settings::parse_of("shop", &bytes).err().map(|e| e.to_string()),
        "spend-event" => {
            let (event, project) = decode_spend(&bytes, Context::default());
            event
                .err()
                .map(|e| e.to_string())
                .or((project.as_deref() != Some("shop")).then(|| "project".to_owned()))
        }
        _ => {
            let item = decode(&bytes, Context::default()).remove(0);
            let other = (item.project.as_deref() != Some("shop")).then(|| "project".to_owned());
            item.event.err().map(|e| e.to_string()).or(other)
        }
    }
}

fn full(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn the_track_envelope() {
    let inside = [("payload[].", "track[]."), ("data.", "track[].payload[].")];
    let payment = r#"{"project_id":"shop","track":[{"name":"Charge","payload":[{"eventId":"e","userId":"u","data":{
        "amount":"1","status":"succeeded","currency":"USD","chargeId":"c","orderId":"o","productId":"p","provider":"stripe",
        "fee":"0.1","feeReturned":"0","tier":"gold","occurredAt":"2026-01-20T10:00:00Z","livemode":true,"description":"d",
        "amount_refunded":null}}]}]}"#;
    let payment = full(payment);
    let mut refund = payment.clone();
    let data = refund["track"][0]["payload"][0]["data"].as_object_mut().unwrap();
    data["amount_refunded"] = data["amount"].take();
    assert_eq!(fault("track", &refund), None);
    // Beside an amount any other is one too many; a wrong one alone is refused for itself.
    refund["track"][0]["payload"][0]["data"]["amount_refunded"] = serde_json::json!([true]);
    assert!(fault("track", &refund).unwrap().starts_with("amount_malformed"));
    check("track", &inside, &payment);
}

#[test]
fn the_standard_transaction() {
    let transaction = r#"{"id":"t","createdAt":"2026-01-20T10:00:00Z","updatedAt":"2026-01-20T11:00:00Z","type":"PURCHASE",
        "status":"PENDING","amount":"1","currency":"USD","orderId":"o","user":{"id":"u"},"payment":{"provider":"stripe"},
        "rewards":{"tierAtPurchase":"gold","pointsDelta":1,"roundedSpend":10},
        "settlement":{"clearsAt":"2026-01-21T10:00:00Z","clearedAt":"2026-01-21T10:00:00Z"},"productId":"p","fee":"0.1",
        "project_id":"shop"}"#;
    check("standard-transaction", &[], &full(transaction));
}

#[test]
fn the_sales_event() {
    let sale = r#"{"event_id":"e","event_type":"purchase","gross_amount":"1","net_amount":"0.9","currency":"USD",
        "occurred_at":"2026-01-20T10:00:00Z","order_id":"o","product_id":"p","customer_id":"u","provider":"stripe",
        "project_id":"shop"}"#;
    check("sales-event", &[], &full(sale));
}

#[test]
fn the_canonical_charge() {
    let charge = r#"{"eventId":"e","userId":"u","kind":"payment","amount":"1","currency":"USD","fee":"0.1","feeReturned":"0",
        "chargeId":"c","orderId":"o","transactionId":"t","productId":"p","provider":"stripe","tier":"gold",
        "occurredAt":"2026-01-20T10:00:00Z","clearsAt":"2026-01-21T10:00:00Z","pointsDelta":3,"livemode":true,
        "description":"d","project_id":"shop"}"#;
    check("canonical-charge", &[], &full(charge));
}

#[test]
fn the_spend_event() {
    let spend = r#"{"event_id":"e","version":1,"spend_amount":"1","currency":"USD","occurred_at":"2026-01-20T10:00:00Z",
        "is_active":true,"provider":"meta","campaign_id":"c","adset_id":"s","ad_id":"a","project_id":"shop"}"#;
    check("spend-event", &[], &full(spend));
}

#[test]
fn settings_of_a_project() {
    let settings = r#"{"timezone":"UTC","currency":"USD","processor":"stripe","rules_version":1,
        "fees":{"stripe":{"percent":"2.9","fixed":{"USD":"0.30"},"payback":"none","chargeback_fixed":{"USD":"15"}}},
        "rewards":{"step":10,"default_tier":"gold","multipliers":{"gold":3}},
        "splits":[{"product":"p","partners":[{"type":"owner","name":"Ana","percentage":"0.3"}]}],
        "dedupe":{"horizon_days":400},
        "charges":{"history_max":1000,"refund_window_days":90,"chargeback_window_days":120}}"#;
    check("settings", &[], &full(settings));
}

#[test]
fn a_difference_is_noticed() {
    let (mut json, avro) = (json_schema("spend-event"), avro_schema("spend-event"));
    let leaves = |json: &Value| {
        let mut fields = Fields::new();
        of_json(json, json, "", true, &mut fields);
        fields
    };
    let mut expected = Fields::new();
    of_avro(&avro, "", true, &mut expected);
    assert_eq!(leaves(&json), expected);
    json["required"].as_array_mut().unwrap().pop();
    assert_ne!(leaves(&json), expected, "one that is not required any more");
    json = json_schema("spend-event");
    json["properties"]["version"]["$ref"] = "#/$defs/name".into();
    assert_ne!(leaves(&json), expected, "one of another type");
    json = json_schema("spend-event");
    json["properties"].as_object_mut().unwrap().remove("ad_id");
    assert_ne!(leaves(&json), expected, "one that is missing");
}
