"""JSON values as the Avro schemas of inputs want them."""

import datetime
import decimal
from pathlib import Path

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
