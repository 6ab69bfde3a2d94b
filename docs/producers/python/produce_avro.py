"""Sends a payment and its refund to daybook in Avro: python produce_avro.py [ORDER] [TIME]"""

import os
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient, topic_record_subject_name_strategy
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

order = sys.argv[1] if len(sys.argv) > 1 else str(uuid.uuid4())
time = datetime.fromisoformat(sys.argv[2].replace("Z", "+00:00")) if len(sys.argv) > 2 else datetime.now(timezone.utc)
user = "ann@example.com"
topic = os.environ.get("CHARGES_TOPIC", "charges")

registry = SchemaRegistryClient({
    "url": os.environ.get("SCHEMA_REGISTRY_URL", "http://127.0.0.1:18081/apis/ccompat/v7"),
})
schema = Path(__file__).parent / "../../../schemas/input/track.avsc"
serialize = AvroSerializer(registry, schema.read_text(), conf={
    # `charges` takes several formats, so a subject is of a topic and a record.
    "subject.name.strategy": topic_record_subject_name_strategy,
})
producer = Producer({
    "bootstrap.servers": os.environ.get("BOOTSTRAP_SERVERS", "127.0.0.1:19092"),
    "enable.idempotence": True,  # a retry of the client is not written twice
    "acks": "all",  # acknowledged by all in-sync replicas
})


def charge(event: str, data: dict) -> bytes:
    # The event's id is made of what it is about: sent again, it is the same event.
    item = {"eventId": f"{order}/{event}", "userId": user, "data": data}
    envelope = {"track": [{"name": "Charge", "payload": [item]}]}
    return serialize(envelope, SerializationContext(topic, MessageField.VALUE))


def delivered(error, message) -> None:
    if error is not None:
        sys.exit(f"not delivered: {error}")
    print(f"{message.topic()} {message.partition()} {message.offset()}")


common = {"status": "succeeded", "currency": "USD", "chargeId": order, "provider": "stripe", "occurredAt": time}
for event, data in [
    # Amounts are text: a float would not be exact.
    ("payment", {**common, "amount": "19.90", "fee": "0.88"}),
    ("refund", {**common, "amount_refunded": "5.00"}),
]:
    producer.produce(
        topic,
        key=user,  # keeps what belongs to a customer in order
        value=charge(event, data),
        headers={"daybook-project": os.environ.get("PROJECT", "shop")},
        on_delivery=delivered,
    )
if producer.flush(30) > 0:
    sys.exit("not delivered: no broker has answered in 30 s")
