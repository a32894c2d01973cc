import com.fasterxml.jackson.databind.*;
import java.time.Duration;
import java.util.*;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

/** Asks for an analysis, follows its progress, prints its pairs: java -cp 'lib/*' Ask.java WALLET WALLET ... */
class Ask {
    public static void main(String[] wallets) throws Exception {
        var prefix = System.getenv().getOrDefault("STREAMPROC_TOPIC_PREFIX", "") + "analysis-";
        Map<String, Object> config = Map.of("bootstrap.servers", System.getenv("STREAMPROC_KAFKA_BROKERS"));
        var id = UUID.randomUUID().toString();
        var json = new ObjectMapper();
        var request = json.writeValueAsString(Map.of("request_id", id, "wallets", wallets));
        try (var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
             var producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
            // Read from where the topics end now, then ask: no answer is missed.
            var places = Stream.of("progress", "completed", "failed")
                .flatMap(name -> consumer.partitionsFor(prefix + name).stream())
                .map(place -> new TopicPartition(place.topic(), place.partition())).toList();
            consumer.assign(places);
            consumer.endOffsets(places).forEach(consumer::seek);
            producer.send(new ProducerRecord<>(prefix + "requested", id, request)).get();

            var seen = new HashSet<String>();
            JsonNode progress = json.nullNode(), end = null;
            while (!progress.path("terminal").asBoolean() || end == null) { // topics have no order among each other
                for (var record : consumer.poll(Duration.ofSeconds(1))) {
                    if (!id.equals(record.key())) continue;
                    if (!seen.add(new String(record.headers().lastHeader("ce_id").value()))) continue; // a repeat
                    var value = json.readTree(record.value());
                    if (record.topic().equals(prefix + "progress")) {
                        progress = value;
                        System.out.println(value.get("percent") + " % " + value.get("message").asText());
                    } else {
                        end = value;
                    }
                }
            }
            if (!end.get("status").asText().equals("completed")) throw new RuntimeException(end.get("message").asText());
            for (var pair : end.get("pairs"))
                System.out.println(Stream.of("/wallet_a", "/wallet_b", "/scores/idf", "/verdict").map(at -> pair.at(at).asText()).toList());
        }
    }
}
