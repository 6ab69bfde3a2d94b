"""Events and books in Avro with Confluent's stock client.

books.py produce BOOTSTRAP REGISTRY PREFIX < lines of {"topic", "subject", "schema", "key", "headers", "record"}
books.py consume BOOTSTRAP REGISTRY PREFIX TOPIC... > lines of {"topic", "key", "value"}, times as RFC 3339
"""

import datetime
import json
import sys

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from avro_values import SCHEMAS, to_avro


def produce(bootstrap, registry, prefix):
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    for line in sys.stdin:
        # Numbers as their text: a float would not be exact.
        sent = json.loads(line, parse_float=str)
        text = (SCHEMAS / f"{sent['schema']}.avsc").read_text()
        serialize = AvroSerializer(registry, text, conf={
            "auto.register.schemas": False,
            "subject.name.strategy": lambda context, record, subject=sent["subject"]: prefix + subject,
        })
        topic = prefix + sent["topic"]
        value = serialize(to_avro(json.loads(text), sent["record"]), SerializationContext(topic, MessageField.VALUE))
        producer.produce(topic, key=sent["key"], value=value, headers=sent["headers"])
        # In the order of the lines: partitions do not keep it.
        if producer.flush(30) > 0:
            sys.exit("not delivered")


def consume(bootstrap, registry, prefix, topics):
    deserialize = AvroDeserializer(registry)
    consumer = Consumer({
        "bootstrap.servers": bootstrap,
        "group.id": "never joined",
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
        "enable.partition.eof": True,
    })
    for topic in topics:
        partitions = consumer.list_topics(prefix + topic, 30).topics[prefix + topic].partitions
        consumer.assign([TopicPartition(prefix + topic, partition, 0) for partition in partitions])
        ends = 0
        while ends < len(partitions):
            message = consumer.poll(30)
            if message is None:
                sys.exit(f"{topic}: nothing comes")
            if message.error():
                if message.error().code() != KafkaError._PARTITION_EOF:
                    sys.exit(f"{topic}: {message.error()}")
                ends += 1
                continue
            value = deserialize(message.value(), SerializationContext(message.topic(), MessageField.VALUE))
            record = {"topic": topic, "key": message.key().decode(), "value": value}
            print(json.dumps(record, default=rfc3339, ensure_ascii=False))


def rfc3339(value):
    if isinstance(value, datetime.datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    raise TypeError(type(value))


command, bootstrap, url, prefix, *topics = sys.argv[1:]
client = SchemaRegistryClient({"url": url})
if command == "produce":
    produce(bootstrap, client, prefix)
else:
    consume(bootstrap, client, prefix, topics)
