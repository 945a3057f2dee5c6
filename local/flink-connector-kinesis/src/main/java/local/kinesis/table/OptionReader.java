package local.kinesis.table;

import java.text.ParseException;
import java.text.SimpleDateFormat;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import local.kinesis.client.Credentials;
import local.kinesis.client.StreamClient;
import local.kinesis.sink.KinesisSink;
import local.kinesis.sink.PartitionKeys;
import local.kinesis.sink.WriteOptions;
import local.kinesis.source.ReadOptions;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.data.RowData;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a table's options mean; wrong values are refused with the statement and not when the job runs. */
final class OptionReader {
  private static final Logger LOG = LoggerFactory.getLogger(OptionReader.class);
  private static final Pattern STREAM_ARN = Pattern.compile("arn:[^:]+:kinesis:[^:]+:[^:]+:stream/.+");

  private final ReadableConfig options;

  OptionReader(ReadableConfig options) {
    this.options = options;
  }

  StreamClient stream() {
    String arn = options.get(Options.STREAM);
    if (!STREAM_ARN.matcher(arn).matches()) {
      throw refuse(Options.STREAM, arn, "give an ARN such as arn:aws:kinesis:us-east-1:123456789012:stream/name");
    }
    return new StreamClient(arn, options.get(Options.REGION), options.get(Options.ENDPOINT), credentials());
  }

  private Credentials credentials() {
    String accessKey = options.get(Options.ACCESS_KEY);
    String secretKey = options.get(Options.SECRET_KEY);
    boolean keys = accessKey != null && secretKey != null;
    String provider = options.getOptional(Options.CREDENTIALS).orElse(keys ? "BASIC" : "AUTO");
    return switch (provider.toUpperCase(Locale.ROOT)) {
      case "AUTO" -> new Credentials.Default();
      case "ENV_VAR" -> new Credentials.Environment();
      case "SYS_PROP" -> new Credentials.SystemProperties();
      case "PROFILE" ->
          new Credentials.Profile(options.get(Options.PROFILE_PATH), options.get(Options.PROFILE_NAME));
      case "BASIC" -> {
        if (!keys) {
          throw refuse(Options.CREDENTIALS, provider,
              "give %s and %s too".formatted(Options.ACCESS_KEY.key(), Options.SECRET_KEY.key()));
        }
        yield new Credentials.Basic(accessKey, secretKey);
      }
      case "ASSUME_ROLE", "WEB_IDENTITY_TOKEN", "CUSTOM" -> {
        LOG.warn("The local kinesis connector has no {} credentials; it takes the default ones", provider);
        yield new Credentials.Default();
      }
      default -> throw refuse(Options.CREDENTIALS, provider,
          "give AUTO, BASIC, ENV_VAR, SYS_PROP, PROFILE, ASSUME_ROLE, WEB_IDENTITY_TOKEN or CUSTOM");
    };
  }

  /**
   * How to read.
   *
   * @param now where LATEST begins (epoch milliseconds): the time of submission and not that of the first request, so
   *     that a job which fails before its first checkpoint begins again where it began
   */
  ReadOptions read(long now) {
    return new ReadOptions(startMillis(now), positive(Options.DISCOVERY), between(Options.FETCH_SIZE, 1, 10_000),
        positive(Options.EMPTY_WAIT));
  }

  private long startMillis(long now) {
    return switch (options.get(Options.POSITION)) {
      case LATEST -> now;
      case TRIM_HORIZON -> ReadOptions.OLDEST;
      case AT_TIMESTAMP -> timestamp();
    };
  }

  /** In the given format or, as the official connector takes it too, in epoch seconds. */
  private long timestamp() {
    String text = options.getOptional(Options.TIMESTAMP).orElseThrow(() -> new ValidationException(
        "Option '%s' is AT_TIMESTAMP; give '%s' too.".formatted(Options.POSITION.key(), Options.TIMESTAMP.key())));
    String format = options.get(Options.TIMESTAMP_FORMAT);
    long millis;
    try {
      millis = new SimpleDateFormat(format, Locale.ROOT).parse(text).getTime();
    } catch (ParseException e) {
      millis = epochSeconds(text, format);
    } catch (IllegalArgumentException e) {
      throw refuse(Options.TIMESTAMP_FORMAT, format, "give a pattern of Java's SimpleDateFormat");
    }
    if (millis <= 0) {
      throw refuse(Options.TIMESTAMP, text, "give a time after 1970-01-01");
    }
    return millis;
  }

  private static long epochSeconds(String text, String format) {
    try {
      return Math.round(Double.parseDouble(text) * 1000);
    } catch (NumberFormatException e) {
      throw refuse(Options.TIMESTAMP, text, "give a time as '%s' or in seconds since 1970-01-01".formatted(format));
    }
  }

  WriteOptions write() {
    int batch = between(Options.BATCH, 1, 500);
    return new WriteOptions(batch, between(Options.IN_FLIGHT, 1, Integer.MAX_VALUE),
        between(Options.BUFFERED, batch + 1, Integer.MAX_VALUE), flushBytes(), flushAfter(),
        options.get(Options.FAIL_ON_ERROR));
  }

  private long flushBytes() {
    long bytes = options.get(Options.FLUSH_BYTES);
    if (bytes < KinesisSink.MAX_RECORD_BYTES) {
      throw refuse(Options.FLUSH_BYTES, bytes, "give at least " + KinesisSink.MAX_RECORD_BYTES + ", one record's size");
    }
    return bytes;
  }

  private Duration flushAfter() {
    long millis = options.get(Options.FLUSH_MILLIS);
    if (millis < 1) {
      throw refuse(Options.FLUSH_MILLIS, millis, "give at least 1 (millisecond)");
    }
    return Duration.ofMillis(millis);
  }

  /** The keys of a table with these PARTITIONED BY columns, none of which leaves the choice to an option. */
  PartitionKeys keys(List<RowData.FieldGetter> columns) {
    String partitioner = options.get(Options.PARTITIONER);
    if (!columns.isEmpty()) {
      if (partitioner != null) {
        throw refuse(Options.PARTITIONER, partitioner, "leave it out: the table's PARTITIONED BY gives the key");
      }
      return new PartitionKeys.Columns(List.copyOf(columns), options.get(Options.KEY_DELIMITER));
    }
    if (partitioner == null || partitioner.equals("random")) {
      return new PartitionKeys.Random();
    }
    if (partitioner.equals("fixed")) {
      return new PartitionKeys.Fixed();
    }
    throw refuse(Options.PARTITIONER, partitioner, "give random or fixed; the local connector loads no other class");
  }

  private int between(ConfigOption<Integer> option, int least, int most) {
    int value = options.get(option);
    if (value < least || value > most) {
      throw refuse(option, value, most == Integer.MAX_VALUE ? "give at least " + least
          : "give a number from %d to %d".formatted(least, most));
    }
    return value;
  }

  private Duration positive(ConfigOption<Duration> option) {
    Duration value = options.get(option);
    if (value.toMillis() < 1) {
      throw refuse(option, value, "give at least 1 ms");
    }
    return value;
  }

  private static ValidationException refuse(ConfigOption<?> option, Object value, String advice) {
    return new ValidationException("Option '%s' is '%s'; %s.".formatted(option.key(), value, advice));
  }
}
