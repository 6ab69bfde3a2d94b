"""Holds records against schemas/input. Standard input: lines of {"name", "record"}; standard output: for each line
{"fault", "avro"}: what JSON Schema finds wrong, or else the record as it comes out of the Avro schema."""

import datetime
import decimal
import io
import json
import sys
from pathlib import Path

import fastavro
import jsonschema

SCHEMAS = Path(__file__).parent / "../../schemas/input"


def to_avro(schema, value):
    """A JSON value as the Avro schema wants it; fields that the schema has not are left out."""
    if isinstance(schema, list):
        return None if value is None else to_avro(next(s for s in schema if s != "null"), value)
    kind = schema if isinstance(schema, str) else schema["type"]
    if isinstance(schema, dict) and schema.get("logicalType") == "timestamp-millis":
        return datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    if kind == "record":
        return {f["name"]: to_avro(f["type"], value.get(f["name"])) for f in schema["fields"]}
    if kind == "array":
        return [to_avro(schema["items"], item) for item in value]
    if kind == "map":
        return {key: to_avro(schema["values"], item) for key, item in value.items()}
    if kind == "string" and isinstance(value, (int, decimal.Decimal)):
        return str(value)
    return int(value) if kind in ("int", "long") else value


def to_json(value):
    """What a reader of Avro makes of it: null is absent, a time RFC 3339."""
    if isinstance(value, dict):
        return {key: to_json(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [to_json(item) for item in value]
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime.datetime) else value


def check(name, record, exact):
    schema = json.loads((SCHEMAS / f"{name}.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    faults = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(record)]
    if faults:
        return {"fault": faults[0]}
    schema = json.loads((SCHEMAS / f"{name}.avsc").read_text())
    bytes = io.BytesIO()
    parsed = fastavro.parse_schema(schema)
    fastavro.schemaless_writer(bytes, parsed, to_avro(schema, exact), strict=True)
    bytes.seek(0)
    return {"fault": None, "avro": to_json(fastavro.schemaless_reader(bytes, parsed))}


for line in sys.stdin:
    asked, exact = json.loads(line), json.loads(line, parse_float=decimal.Decimal)
    print(json.dumps(check(asked["name"], asked["record"], exact["record"])), flush=True)
