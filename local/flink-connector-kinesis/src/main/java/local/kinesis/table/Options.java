package local.kinesis.table;

import static org.apache.flink.configuration.ConfigOptions.key;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.flink.configuration.ConfigOption;

/** The options of a table, by the official connector's names and with its defaults. */
final class Options {
  private Options() {}

  enum Position { LATEST, TRIM_HORIZON, AT_TIMESTAMP }

  static final ConfigOption<String> STREAM = text("stream.arn");
  static final ConfigOption<String> REGION = text("aws.region");
  static final ConfigOption<String> ENDPOINT = text("aws.endpoint");
  static final ConfigOption<String> CREDENTIALS = text("aws.credentials.provider");
  static final ConfigOption<String> ACCESS_KEY = text("aws.credentials.basic.accesskeyid");
  static final ConfigOption<String> SECRET_KEY = text("aws.credentials.basic.secretkey");
  static final ConfigOption<String> PROFILE_PATH = text("aws.credentials.profile.path");
  static final ConfigOption<String> PROFILE_NAME = text("aws.credentials.profile.name");

  static final ConfigOption<Position> POSITION =
      key("source.init.position").enumType(Position.class).defaultValue(Position.LATEST);
  static final ConfigOption<String> TIMESTAMP = text("source.init.timestamp");
  static final ConfigOption<String> TIMESTAMP_FORMAT =
      key("source.init.timestamp.format").stringType().defaultValue("yyyy-MM-dd'T'HH:mm:ss.SSSXXX");
  static final ConfigOption<Duration> DISCOVERY =
      key("source.shard.discovery.interval").durationType().defaultValue(Duration.ofSeconds(10));
  static final ConfigOption<Duration> EMPTY_WAIT =
      key("source.reader.empty-records-fetch-interval").durationType().defaultValue(Duration.ofMillis(250));
  static final ConfigOption<Integer> FETCH_SIZE =
      key("source.shard.get-records.max-record-count").intType().defaultValue(10_000);

  static final ConfigOption<String> PARTITIONER = text("sink.partitioner");
  static final ConfigOption<String> KEY_DELIMITER =
      key("sink.partitioner-field-delimiter").stringType().defaultValue("|");
  static final ConfigOption<Integer> BATCH = key("sink.batch.max-size").intType().defaultValue(500);
  static final ConfigOption<Integer> IN_FLIGHT = key("sink.requests.max-inflight").intType().defaultValue(50);
  static final ConfigOption<Integer> BUFFERED = key("sink.requests.max-buffered").intType().defaultValue(10_000);
  static final ConfigOption<Long> FLUSH_BYTES = key("sink.flush-buffer.size").longType().defaultValue(5L << 20);
  static final ConfigOption<Long> FLUSH_MILLIS = key("sink.flush-buffer.timeout").longType().defaultValue(5000L);
  static final ConfigOption<Boolean> FAIL_ON_ERROR =
      key("sink.fail-on-error").booleanType().defaultValue(false);

  private static final Set<ConfigOption<?>> USED = Set.of(STREAM, REGION, ENDPOINT, CREDENTIALS, ACCESS_KEY, SECRET_KEY,
      PROFILE_PATH, PROFILE_NAME, POSITION, TIMESTAMP, TIMESTAMP_FORMAT, DISCOVERY, EMPTY_WAIT, FETCH_SIZE, PARTITIONER,
      KEY_DELIMITER, BATCH, IN_FLIGHT, BUFFERED, FLUSH_BYTES, FLUSH_MILLIS, FAIL_ON_ERROR);

  /** Names of the official connector for what this one does not have. A table may give them; the log says so. */
  static final List<String> WITHOUT_EFFECT = List.of(
      "aws.trust.all.certificates",
      "aws.http.protocol.version",
      "aws.http-client.max-concurrency",
      "aws.http-client.read-timeout",
      "aws.credentials.role.arn",
      "aws.credentials.role.sessionName",
      "aws.credentials.role.externalId",
      "aws.credentials.role.stsEndpoint",
      "aws.credentials.role.provider",
      "aws.credentials.webIdentityToken.file",
      "aws.credentials.custom.class",
      "source.reader.type",
      "source.efo.consumer.name",
      "source.efo.lifecycle",
      "source.efo.subscription.timeout",
      "source.efo.deregister.timeout",
      "source.efo.describe.retry-strategy.attempts.max",
      "source.efo.describe.retry-strategy.delay.min",
      "source.efo.describe.retry-strategy.delay.max",
      "sink.http-client.max-concurrency",
      "sink.http-client.read-timeout",
      "sink.http-client.protocol.version");

  /** The options of the official connector's forerunner for its sink: it takes them still, as a group. */
  static final String PRODUCER_PREFIX = "sink.producer.";

  static Set<ConfigOption<?>> required() {
    return Set.of(STREAM, REGION);
  }

  static Set<ConfigOption<?>> optional() {
    return Stream.concat(USED.stream().filter(option -> !required().contains(option)),
        WITHOUT_EFFECT.stream().map(Options::text)).collect(Collectors.toUnmodifiableSet());
  }

  private static ConfigOption<String> text(String name) {
    return key(name).stringType().noDefaultValue();
  }
}
