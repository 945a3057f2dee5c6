package local.kinesis.sink;

import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.connector.sink2.SinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.connector.base.sink.writer.ElementConverter;
import org.apache.flink.table.data.RowData;
import org.apache.flink.util.FlinkRuntimeException;

/** Makes a record of a row, on the task's thread. */
public final class RowConverter implements ElementConverter<RowData, StreamEntry> {
  private final SerializationSchema<RowData> format;
  private final PartitionKeys keys;
  private transient int subtask;

  public RowConverter(SerializationSchema<RowData> format, PartitionKeys keys) {
    this.format = format;
    this.keys = keys;
  }

  @Override
  public void open(WriterInitContext context) {
    subtask = context.getTaskInfo().getIndexOfThisSubtask();
    try {
      format.open(context.asSerializationSchemaInitializationContext());
    } catch (Exception e) {
      throw new FlinkRuntimeException("Cannot open the format of the kinesis sink: " + e.getMessage(), e);
    }
  }

  @Override
  public StreamEntry apply(RowData row, SinkWriter.Context context) {
    return new StreamEntry(keys.of(row, subtask), format.serialize(row));
  }
}
