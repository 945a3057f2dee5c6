package local.kinesis.source;

import java.util.List;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.connector.base.source.reader.RecordEmitter;
import org.apache.flink.metrics.Counter;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.utils.JoinedRowData;
import org.apache.flink.util.Collector;
import software.amazon.awssdk.services.kinesis.model.Record;

/** Makes rows of records, on the task's thread; what the format gives no row for still counts as read. */
final class RowEmitter implements RecordEmitter<Record, RowData, ShardProgress>, Collector<RowData> {
  private final DeserializationSchema<RowData> format;
  private final List<RecordMetadata> metadata;
  private final Counter bytesIn;
  private SourceOutput<RowData> output;
  private Record record;
  private String shardId;

  RowEmitter(DeserializationSchema<RowData> format, List<RecordMetadata> metadata, Counter bytesIn) {
    this.format = format;
    this.metadata = metadata;
    this.bytesIn = bytesIn;
  }

  @Override
  public void emitRecord(Record next, SourceOutput<RowData> rows, ShardProgress progress) throws Exception {
    output = rows;
    record = next;
    shardId = progress.shardId();
    byte[] data = next.data().asByteArrayUnsafe();
    bytesIn.inc(data.length);
    format.deserialize(data, this);
    progress.emitted(next.sequenceNumber());
  }

  @Override
  public void collect(RowData row) {
    output.collect(withMetadata(row), record.approximateArrivalTimestamp().toEpochMilli());
  }

  private RowData withMetadata(RowData row) {
    if (metadata.isEmpty()) {
      return row;
    }
    Object[] values = metadata.stream().map(column -> column.of(shardId, record)).toArray();
    return new JoinedRowData(row.getRowKind(), row, GenericRowData.of(values));
  }

  @Override
  public void close() {}
}
