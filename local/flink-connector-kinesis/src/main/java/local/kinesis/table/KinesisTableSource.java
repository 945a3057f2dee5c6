package local.kinesis.table;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import local.kinesis.client.StreamClient;
import local.kinesis.source.KinesisSource;
import local.kinesis.source.ReadOptions;
import local.kinesis.source.RecordMetadata;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.ProviderContext;
import org.apache.flink.table.connector.format.DecodingFormat;
import org.apache.flink.table.connector.source.DataStreamScanProvider;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.connector.source.ScanTableSource;
import org.apache.flink.table.connector.source.abilities.SupportsReadingMetadata;
import org.apache.flink.table.connector.source.abilities.SupportsWatermarkPushDown;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;

/**
 * A stream as a table to read. It takes the watermark strategy from the planner, and so each shard has a watermark of
 * its own: one reader can have several shards and catch up without making the slower ones late.
 */
final class KinesisTableSource implements ScanTableSource, SupportsReadingMetadata, SupportsWatermarkPushDown {
  private final StreamClient stream;
  private final ReadOptions options;
  private final DecodingFormat<DeserializationSchema<RowData>> format;
  private final DataType physicalType;
  private DataType producedType;
  private List<RecordMetadata> metadata = List.of();
  private WatermarkStrategy<RowData> watermarks = WatermarkStrategy.noWatermarks();

  KinesisTableSource(StreamClient stream, ReadOptions options,
      DecodingFormat<DeserializationSchema<RowData>> format, DataType physicalType) {
    this.stream = stream;
    this.options = options;
    this.format = format;
    this.physicalType = physicalType;
    this.producedType = physicalType;
  }

  @Override
  public ChangelogMode getChangelogMode() {
    return format.getChangelogMode();
  }

  @Override
  public ScanRuntimeProvider getScanRuntimeProvider(ScanContext context) {
    var source = new KinesisSource(stream, options, format.createRuntimeDecoder(context, physicalType), metadata);
    var strategy = watermarks;
    var type = context.<RowData>createTypeInformation(producedType);
    return new DataStreamScanProvider() {
      @Override
      public DataStream<RowData> produceDataStream(ProviderContext provider, StreamExecutionEnvironment environment) {
        var rows = environment.fromSource(source, strategy, "kinesis", type);
        provider.generateUid("kinesis-source").ifPresent(rows::uid);
        return rows;
      }

      @Override
      public boolean isBounded() {
        return false;
      }
    };
  }

  @Override
  public Map<String, DataType> listReadableMetadata() {
    Map<String, DataType> types = new LinkedHashMap<>();
    Stream.of(RecordMetadata.values()).forEach(column -> types.put(column.key(), column.type()));
    return types;
  }

  @Override
  public void applyReadableMetadata(List<String> keys, DataType newProducedType) {
    metadata = keys.stream().map(key -> Stream.of(RecordMetadata.values())
        .filter(column -> column.key().equals(key)).findFirst().orElseThrow()).toList();
    producedType = newProducedType;
  }

  @Override
  public void applyWatermark(WatermarkStrategy<RowData> strategy) {
    watermarks = strategy;
  }

  @Override
  public DynamicTableSource copy() {
    var copy = new KinesisTableSource(stream, options, format, physicalType);
    copy.producedType = producedType;
    copy.metadata = metadata;
    copy.watermarks = watermarks;
    return copy;
  }

  @Override
  public String asSummaryString() {
    return "local kinesis source";
  }
}
