"""Sends a payment and its refund to daybook: python produce_json.py [ORDER] [TIME]"""

import json
import os
import sys
import uuid
from datetime import datetime, timezone

from confluent_kafka import Producer

order = sys.argv[1] if len(sys.argv) > 1 else str(uuid.uuid4())
time = sys.argv[2] if len(sys.argv) > 2 else datetime.now(timezone.utc).isoformat(timespec="milliseconds")
user = "ann@example.com"

producer = Producer({
    "bootstrap.servers": os.environ.get("BOOTSTRAP_SERVERS", "127.0.0.1:19092"),
    "enable.idempotence": True,  # a retry of the client is not written twice
    "acks": "all",  # acknowledged by all in-sync replicas
})


def charge(event: str, data: dict) -> bytes:
    # The event's id is made of what it is about: sent again, it is the same event.
    item = {"eventId": f"{order}/{event}", "userId": user, "data": data}
    return json.dumps({"track": [{"name": "Charge", "payload": [item]}]}).encode()


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
        os.environ.get("CHARGES_TOPIC", "charges"),
        key=user,  # keeps what belongs to a customer in order
        value=charge(event, data),
        headers={"daybook-project": os.environ.get("PROJECT", "shop")},
        on_delivery=delivered,
    )
if producer.flush(30) > 0:
    sys.exit("not delivered: no broker has answered in 30 s")
