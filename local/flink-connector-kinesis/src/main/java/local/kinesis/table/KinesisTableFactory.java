package local.kinesis.table;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.factories.DeserializationFormatFactory;
import org.apache.flink.table.factories.DynamicTableSinkFactory;
import org.apache.flink.table.factories.DynamicTableSourceFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.factories.SerializationFormatFactory;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * {@code 'connector' = 'kinesis'}, with the names of the official connector's options, so that the same statements run
 * here and on AWS. Names that the official connector does not know are refused.
 */
public final class KinesisTableFactory implements DynamicTableSourceFactory, DynamicTableSinkFactory {
  private static final Logger LOG = LoggerFactory.getLogger(KinesisTableFactory.class);

  /** Names of the connector for Flink 1.14 and earlier, as many a page still gives them, and today's. */
  private static final Map<String, String> RENAMED = Map.of(
      "stream", Options.STREAM.key(),
      "scan.stream.initpos", Options.POSITION.key(),
      "scan.stream.initpos-timestamp", Options.TIMESTAMP.key(),
      "scan.stream.initpos-timestamp-format", Options.TIMESTAMP_FORMAT.key(),
      "scan.shard.discovery.intervalmillis", Options.DISCOVERY.key(),
      "scan.shard.getrecords.maxrecordcount", Options.FETCH_SIZE.key());

  @Override
  public String factoryIdentifier() {
    return "kinesis";
  }

  @Override
  public Set<ConfigOption<?>> requiredOptions() {
    Set<ConfigOption<?>> required = new HashSet<>(Options.required());
    required.add(FactoryUtil.FORMAT);
    return required;
  }

  @Override
  public Set<ConfigOption<?>> optionalOptions() {
    return Options.optional();
  }

  @Override
  public DynamicTableSource createDynamicTableSource(Context context) {
    refuseRenamed(context);
    var helper = FactoryUtil.createTableFactoryHelper(this, context);
    var format = helper.discoverDecodingFormat(DeserializationFormatFactory.class, FactoryUtil.FORMAT);
    helper.validateExcept(Options.PRODUCER_PREFIX);
    logUnused(context);
    var options = new OptionReader(helper.getOptions());
    return new KinesisTableSource(
        options.stream(), options.read(System.currentTimeMillis()), format, context.getPhysicalRowDataType());
  }

  @Override
  public DynamicTableSink createDynamicTableSink(Context context) {
    refuseRenamed(context);
    var helper = FactoryUtil.createTableFactoryHelper(this, context);
    var format = helper.discoverEncodingFormat(SerializationFormatFactory.class, FactoryUtil.FORMAT);
    helper.validateExcept(Options.PRODUCER_PREFIX);
    logUnused(context);
    var options = new OptionReader(helper.getOptions());
    var type = context.getPhysicalRowDataType();
    var keys = options.keys(KinesisTableSink.getters(type, context.getCatalogTable().getPartitionKeys()));
    return new KinesisTableSink(options.stream(), options.write(), keys, format, type);
  }

  private static void refuseRenamed(Context context) {
    context.getCatalogTable().getOptions().keySet().stream().filter(RENAMED::containsKey).findFirst().ifPresent(old -> {
      throw new ValidationException("The kinesis connector knows option '%s' no more; give '%s' instead."
          .formatted(old, RENAMED.get(old)));
    });
  }

  private static void logUnused(Context context) {
    Set<String> unused = new TreeSet<>(context.getCatalogTable().getOptions().keySet());
    unused.removeIf(name -> !Options.WITHOUT_EFFECT.contains(name) && !name.startsWith(Options.PRODUCER_PREFIX));
    if (!unused.isEmpty()) {
      LOG.warn("Without effect in the local kinesis connector: {}", unused);
    }
  }
}
