package local.kinesis.table;

import java.util.List;
import java.util.Map;
import local.kinesis.client.StreamClient;
import local.kinesis.sink.KinesisSink;
import local.kinesis.sink.PartitionKeys;
import local.kinesis.sink.RowConverter;
import local.kinesis.sink.WriteOptions;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.format.EncodingFormat;
import org.apache.flink.table.connector.sink.DynamicTableSink;
import org.apache.flink.table.connector.sink.SinkV2Provider;
import org.apache.flink.table.connector.sink.abilities.SupportsPartitioning;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;

/** A stream as a table to write; PARTITIONED BY gives the partition key. */
final class KinesisTableSink implements DynamicTableSink, SupportsPartitioning {
  private final StreamClient stream;
  private final WriteOptions options;
  private final PartitionKeys keys;
  private final EncodingFormat<SerializationSchema<RowData>> format;
  private final DataType type;

  KinesisTableSink(StreamClient stream, WriteOptions options, PartitionKeys keys,
      EncodingFormat<SerializationSchema<RowData>> format, DataType type) {
    this.stream = stream;
    this.options = options;
    this.keys = keys;
    this.format = format;
    this.type = type;
  }

  /** How to get the values of columns, by name, out of a row. */
  static List<RowData.FieldGetter> getters(DataType type, List<String> columns) {
    RowType row = (RowType) type.getLogicalType();
    return columns.stream().map(row::getFieldIndex)
        .map(i -> RowData.createFieldGetter(row.getTypeAt(i), i)).toList();
  }

  @Override
  public ChangelogMode getChangelogMode(ChangelogMode requested) {
    return format.getChangelogMode();
  }

  @Override
  public SinkRuntimeProvider getSinkRuntimeProvider(Context context) {
    var converter = new RowConverter(format.createRuntimeEncoder(context, type), keys);
    return SinkV2Provider.of(new KinesisSink(stream, options, converter));
  }

  /** Nothing to keep: the planner puts a static partition's value into each row. */
  @Override
  public void applyStaticPartition(Map<String, String> partition) {}

  @Override
  public DynamicTableSink copy() {
    return new KinesisTableSink(stream, options, keys, format, type);
  }

  @Override
  public String asSummaryString() {
    return "local kinesis sink";
  }
}
