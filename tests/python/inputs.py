"""Holds records against schemas/input. Standard input: lines of {"name", "record"}; standard output: for each line
{"fault", "avro"}: what JSON Schema finds wrong, or else the record as it comes out of the Avro schema."""

import datetime
import decimal
import io
import json
import sys

import fastavro
import jsonschema

from avro_values import SCHEMAS, to_avro

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
