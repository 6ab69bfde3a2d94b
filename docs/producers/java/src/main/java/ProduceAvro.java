import java.io.File;
import java.time.Instant;
import java.util.List;
import java.util.Properties;
import java.util.UUID;

import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringSerializer;

/** Sends a payment and its refund to daybook in Avro: ProduceAvro [ORDER] [TIME] */
public final class ProduceAvro {
    private static final String USER = "ann@example.com";
    private static final String TOPIC = setting("CHARGES_TOPIC", "charges");

    public static void main(String[] args) throws Exception {
        String order = args.length > 0 ? args[0] : UUID.randomUUID().toString();
        Instant time = args.length > 1 ? Instant.parse(args[1]) : Instant.now();

        Schema envelope = new Schema.Parser().parse(new File(setting("SCHEMA", "schemas/input/track.avsc")));
        Schema item = envelope.getField("track").schema().getElementType();
        Schema payload = item.getField("payload").schema().getElementType();

        // Amounts are text: a float would not be exact.
        var payment = data(payload, order, time).set("amount", "19.90").set("fee", "0.88").build();
        var refund = data(payload, order, time).set("amount_refunded", "5.00").build();

        Properties settings = new Properties();
        settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, setting("BOOTSTRAP_SERVERS", "127.0.0.1:19092"));
        // A retry of the client is not written twice; acknowledged by all in-sync replicas.
        settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        String registry = setting("SCHEMA_REGISTRY_URL", "http://127.0.0.1:18081/apis/ccompat/v7");
        var framing = new ConfluentFraming(registry, TOPIC, envelope);
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), framing)) {
            send(producer, charge(envelope, item, payload, order + "/payment", payment));
            send(producer, charge(envelope, item, payload, order + "/refund", refund));
        }
    }

    private static GenericRecordBuilder data(Schema payload, String order, Instant time) {
        return new GenericRecordBuilder(payload.getField("data").schema()).set("status", "succeeded")
            .set("currency", "USD").set("chargeId", order).set("provider", "stripe")
            .set("occurredAt", time.toEpochMilli());
    }

    /** The event's id is made of what it is about: sent again, it is the same event. */
    private static GenericRecord charge(
        Schema envelope, Schema item, Schema payload, String eventId, GenericRecord data) {
        var event = new GenericRecordBuilder(payload).set("eventId", eventId).set("userId", USER).set("data", data);
        var charges = new GenericRecordBuilder(item).set("name", "Charge").set("payload", List.of(event.build()));
        return new GenericRecordBuilder(envelope).set("track", List.of(charges.build())).build();
    }

    private static void send(KafkaProducer<String, GenericRecord> producer, GenericRecord value) throws Exception {
        // The key keeps what belongs to a customer in order.
        var record = new ProducerRecord<>(TOPIC, USER, value);
        record.headers().add("daybook-project", setting("PROJECT", "shop").getBytes());
        // Waiting for each is for the example's sake: a backend hands over a callback.
        RecordMetadata delivered = producer.send(record).get();
        System.out.println(delivered.topic() + " " + delivered.partition() + " " + delivered.offset());
    }

    private static String setting(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }
}
