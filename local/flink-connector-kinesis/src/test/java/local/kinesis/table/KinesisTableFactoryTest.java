package local.kinesis.table;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import local.kinesis.client.Credentials;
import local.kinesis.sink.PartitionKeys;
import local.kinesis.source.ReadOptions;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.factories.utils.FactoryMocks;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class KinesisTableFactoryTest {
  private static final ResolvedSchema SCHEMA = ResolvedSchema.of(
      Column.physical("user_id", DataTypes.BIGINT()), Column.physical("brand", DataTypes.STRING()));
  private static final Map<String, String> REQUIRED = Map.of("connector", "kinesis",
      "stream.arn", "arn:aws:kinesis:us-east-1:000000000000:stream/clicks", "aws.region", "us-east-1",
      "format", "test-format", "test-format.delimiter", ",");

  private static Map<String, String> with(String... namesAndValues) {
    Map<String, String> options = new HashMap<>(REQUIRED);
    for (int i = 0; i < namesAndValues.length; i += 2) {
      options.put(namesAndValues[i], namesAndValues[i + 1]);
    }
    return options;
  }

  private static OptionReader reader(String... namesAndValues) {
    return new OptionReader(Configuration.fromMap(with(namesAndValues)));
  }

  /** All that a refused statement says, causes included. */
  private static String refusal(Map<String, String> options, List<String> partitionedBy) {
    Throwable failure = assertThrows(ValidationException.class, () -> {
      FactoryMocks.createTableSource(SCHEMA, options);
      FactoryMocks.createTableSink(SCHEMA, partitionedBy, options);
    });
    List<String> messages = new ArrayList<>();
    for (; failure != null; failure = failure.getCause()) {
      messages.add(failure.getMessage());
    }
    return String.join("\n", messages);
  }

  private static void assertRefused(String sentence, String... namesAndValues) {
    String said = refusal(with(namesAndValues), List.of());
    assertTrue(said.contains(sentence), said);
  }

  @Test
  void takesTheRequiredOptionsAlone() {
    assertInstanceOf(KinesisTableSource.class, FactoryMocks.createTableSource(SCHEMA, REQUIRED));
    assertInstanceOf(KinesisTableSink.class, FactoryMocks.createTableSink(SCHEMA, REQUIRED));
  }

  @Test
  void takesEveryDocumentedNameOfTheOfficialConnector() {
    Map<String, String> options = with("sink.producer.collection-max-count", "100");
    Options.WITHOUT_EFFECT.forEach(name -> options.put(name, "1"));
    assertDoesNotThrow(() -> FactoryMocks.createTableSource(SCHEMA, options));
    assertDoesNotThrow(() -> FactoryMocks.createTableSink(SCHEMA, options));
  }

  @ParameterizedTest
  @ValueSource(strings = {"source.init.positon", "sink.flush.timeout", "aws.regions", "endpoint"})
  void refusesNamesThatTheOfficialConnectorDoesNotKnow(String name) {
    assertRefused("Unsupported options:\n\n" + name, name, "1");
  }

  @ParameterizedTest
  @CsvSource({"stream, stream.arn", "scan.stream.initpos, source.init.position"})
  void saysTheNewNameOfAnOldOption(String old, String now) {
    assertRefused("The kinesis connector knows option '%s' no more; give '%s' instead.".formatted(old, now), old, "x");
  }

  @Test
  void refusesWrongValuesWithTheStatement() {
    assertRefused("Option 'stream.arn' is 'clicks'; give an ARN such as", "stream.arn", "clicks");
    assertRefused("Option 'source.init.position' is AT_TIMESTAMP; give 'source.init.timestamp' too.",
        "source.init.position", "AT_TIMESTAMP");
    assertRefused("Option 'source.init.timestamp' is 'yesterday'; give a time as",
        "source.init.position", "AT_TIMESTAMP", "source.init.timestamp", "yesterday");
    assertRefused("Option 'source.init.timestamp' is '-5'; give a time after 1970-01-01.",
        "source.init.position", "AT_TIMESTAMP", "source.init.timestamp", "-5");
    assertRefused("Option 'source.init.timestamp.format' is 'bogus'; give a pattern",
        "source.init.position", "AT_TIMESTAMP", "source.init.timestamp", "1", "source.init.timestamp.format", "bogus");
    assertRefused("Option 'source.shard.get-records.max-record-count' is '10001'; give a number from 1 to 10000.",
        "source.shard.get-records.max-record-count", "10001");
    assertRefused("Option 'source.shard.discovery.interval' is 'PT0S'; give at least 1 ms.",
        "source.shard.discovery.interval", "0 s");
    assertRefused("Option 'sink.batch.max-size' is '501'; give a number from 1 to 500.", "sink.batch.max-size", "501");
    assertRefused("Option 'sink.requests.max-buffered' is '500'; give at least 501.",
        "sink.requests.max-buffered", "500");
    assertRefused("Option 'sink.flush-buffer.size' is '1'; give at least 1048576", "sink.flush-buffer.size", "1");
    assertRefused("Option 'sink.flush-buffer.timeout' is '0'; give at least 1", "sink.flush-buffer.timeout", "0");
    assertRefused("Option 'sink.partitioner' is 'com.example.Mine'; give random or fixed",
        "sink.partitioner", "com.example.Mine");
    assertRefused("Option 'aws.credentials.provider' is 'BASIC'; give aws.credentials.basic.accesskeyid and",
        "aws.credentials.provider", "BASIC");
    assertRefused("Option 'aws.credentials.provider' is 'NONE'; give AUTO,", "aws.credentials.provider", "NONE");
  }

  @Test
  void refusesAPartitionerBesidePartitionedBy() {
    String said = refusal(with("sink.partitioner", "random"), List.of("user_id"));
    assertTrue(said.contains("leave it out: the table's PARTITIONED BY gives the key"), said);
  }

  @Test
  void beginsWhereTheTableSays() {
    long now = 1_700_000_000_000L;
    assertEquals(now, reader().read(now).startMillis());
    assertEquals(ReadOptions.OLDEST, reader("source.init.position", "TRIM_HORIZON").read(now).startMillis());
    long at = Instant.parse("2019-11-01T00:00:00.500Z").toEpochMilli();
    for (String text : List.of("2019-11-01T00:00:00.500Z", "2019-11-01T02:00:00.500+02:00", "1572566400.5")) {
      assertEquals(at, reader("source.init.position", "AT_TIMESTAMP", "source.init.timestamp", text)
          .read(now).startMillis(), text);
    }
  }

  @Test
  void readsTheOptionsOfBothDirections() {
    var read = reader("source.shard.discovery.interval", "1 s", "source.reader.empty-records-fetch-interval", "100 ms",
        "source.shard.get-records.max-record-count", "7").read(5);
    assertEquals(new ReadOptions(5, Duration.ofSeconds(1), 7, Duration.ofMillis(100)), read);
    var write = reader("sink.flush-buffer.timeout", "200", "sink.batch.max-size", "20").write();
    assertEquals(Duration.ofMillis(200), write.flushAfter());
    assertEquals(20, write.batch());
    assertEquals(10_000, write.buffered());
  }

  @Test
  void takesEndpointAndKeysFromTheEnvironmentUnlessTheTableGivesThem() {
    var plain = reader().stream();
    assertEquals(null, plain.endpoint());
    assertEquals(new Credentials.Default(), plain.credentials());
    var given = reader("aws.endpoint", "http://127.0.0.1:1", "aws.credentials.basic.accesskeyid", "key",
        "aws.credentials.basic.secretkey", "secret").stream();
    assertEquals("http://127.0.0.1:1", given.endpoint());
    assertEquals(new Credentials.Basic("key", "secret"), given.credentials());
    assertEquals(new Credentials.Profile(null, "other"),
        reader("aws.credentials.provider", "PROFILE", "aws.credentials.profile.name", "other").stream().credentials());
    assertEquals(new Credentials.Default(), reader("aws.credentials.provider", "ASSUME_ROLE").stream().credentials());
  }

  @Test
  void takesTheKeyFromPartitionedByOrThePartitioner() {
    assertInstanceOf(PartitionKeys.Columns.class, reader().keys(KinesisTableSink.getters(
        SCHEMA.toPhysicalRowDataType(), List.of("brand", "user_id"))));
    assertEquals(new PartitionKeys.Random(), reader().keys(List.of()));
    assertEquals(new PartitionKeys.Fixed(), reader("sink.partitioner", "fixed").keys(List.of()));
  }

  @Test
  void offersTheOfficialMetadataColumns() {
    var source = (KinesisTableSource) FactoryMocks.createTableSource(SCHEMA, REQUIRED);
    assertEquals(Set.of("timestamp", "sequence-number", "shard-id"), source.listReadableMetadata().keySet());
  }
}
