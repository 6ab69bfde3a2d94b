import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;

import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Sends a payment and its refund to daybook: ProduceJson [ORDER] [TIME] */
public final class ProduceJson {
    private static final String USER = "ann@example.com";

    public static void main(String[] args) throws Exception {
        String order = args.length > 0 ? args[0] : UUID.randomUUID().toString();
        String time = args.length > 1 ? args[1] : Instant.now().toString();

        // Amounts are text: a float would not be exact.
        Map<String, Object> payment = data(order, time);
        payment.put("amount", "19.90");
        payment.put("fee", "0.88");
        Map<String, Object> refund = data(order, time);
        refund.put("amount_refunded", "5.00");

        Properties settings = new Properties();
        settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, setting("BOOTSTRAP_SERVERS", "127.0.0.1:19092"));
        // A retry of the client is not written twice; acknowledged by all in-sync replicas.
        settings.put(ProducerConfig.ENABLE_IDEMPOTENCE_CONFIG, true);
        settings.put(ProducerConfig.ACKS_CONFIG, "all");
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new ByteArraySerializer())) {
            send(producer, envelope(order + "/payment", payment));
            send(producer, envelope(order + "/refund", refund));
        }
    }

    private static Map<String, Object> data(String order, String time) {
        return new LinkedHashMap<>(Map.of("status", "succeeded", "currency", "USD", "chargeId", order,
            "provider", "stripe", "occurredAt", time));
    }

    /** The event's id is made of what it is about: sent again, it is the same event. */
    private static byte[] envelope(String eventId, Map<String, Object> data) throws Exception {
        var item = Map.of("eventId", eventId, "userId", USER, "data", data);
        var envelope = Map.of("track", List.of(Map.of("name", "Charge", "payload", List.of(item))));
        return new ObjectMapper().writeValueAsBytes(envelope);
    }

    private static void send(KafkaProducer<String, byte[]> producer, byte[] value) throws Exception {
        // The key keeps what belongs to a customer in order.
        var record = new ProducerRecord<>(setting("CHARGES_TOPIC", "charges"), USER, value);
        record.headers().add("daybook-project", setting("PROJECT", "shop").getBytes());
        // Waiting for each is for the example's sake: a backend hands over a callback.
        RecordMetadata delivered = producer.send(record).get();
        System.out.println(delivered.topic() + " " + delivered.partition() + " " + delivered.offset());
    }

    private static String setting(String name, String otherwise) {
        return System.getenv().getOrDefault(name, otherwise);
    }
}
