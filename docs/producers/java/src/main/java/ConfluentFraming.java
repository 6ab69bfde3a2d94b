import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Map;

import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.common.serialization.Serializer;

/**
 * Avro in the Confluent wire format: a zero byte, the schema's id in a registry as four bytes, the record.
 * What io.confluent's KafkaAvroSerializer writes, with nothing that is not on Maven Central.
 */
public final class ConfluentFraming implements Serializer<GenericRecord> {
    private static final ObjectMapper JSON = new ObjectMapper();
    private final Schema schema;
    private final int id;

    /** Registers the schema for a topic, or finds it there. */
    public ConfluentFraming(String registry, String topic, Schema schema) throws IOException, InterruptedException {
        this.schema = schema;
        // `charges` takes several formats, so a subject is of a topic and a record (TopicRecordNameStrategy).
        String subject = URLEncoder.encode(topic + "-" + schema.getFullName(), StandardCharsets.UTF_8);
        var body = HttpRequest.BodyPublishers.ofString(JSON.writeValueAsString(Map.of("schema", schema.toString())));
        var request = HttpRequest.newBuilder(URI.create(registry + "/subjects/" + subject + "/versions"))
            .header("content-type", "application/vnd.schemaregistry.v1+json").POST(body).build();
        var answer = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) {
            throw new IOException("the registry answers " + answer.statusCode() + ": " + answer.body());
        }
        this.id = JSON.readTree(answer.body()).required("id").intValue();
    }

    @Override
    public byte[] serialize(String topic, GenericRecord record) {
        var bytes = new ByteArrayOutputStream();
        try {
            var framed = new DataOutputStream(bytes);
            framed.writeByte(0);
            framed.writeInt(id);
            var encoder = EncoderFactory.get().directBinaryEncoder(framed, null);
            new GenericDatumWriter<GenericRecord>(schema).write(record, encoder);
        } catch (IOException e) {
            throw new IllegalStateException("a record that is not of its schema", e);
        }
        return bytes.toByteArray();
    }
}
