package local.kinesis.sink;

import java.util.Collection;
import java.util.List;
import local.kinesis.client.StreamClient;
import org.apache.flink.api.connector.sink2.StatefulSinkWriter;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.connector.base.sink.AsyncSinkBase;
import org.apache.flink.connector.base.sink.writer.BufferedRequestState;
import org.apache.flink.connector.base.sink.writer.config.AsyncSinkWriterConfiguration;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.table.data.RowData;

/** PutRecords with Flink's asynchronous sink: each row at least once. */
public final class KinesisSink extends AsyncSinkBase<RowData, StreamEntry> {
  /** Kinesis takes no larger record. */
  public static final long MAX_RECORD_BYTES = 1 << 20;

  private final StreamClient stream;
  private final WriteOptions options;

  public KinesisSink(StreamClient stream, WriteOptions options, RowConverter converter) {
    super(converter, options.batch(), options.inFlight(), options.buffered(), options.flushBytes(),
        options.flushAfter().toMillis(), MAX_RECORD_BYTES);
    this.stream = stream;
    this.options = options;
  }

  @Override
  public StatefulSinkWriter<RowData, BufferedRequestState<StreamEntry>> createWriter(WriterInitContext context) {
    return restoreWriter(context, List.of());
  }

  @Override
  public StatefulSinkWriter<RowData, BufferedRequestState<StreamEntry>> restoreWriter(
      WriterInitContext context, Collection<BufferedRequestState<StreamEntry>> state) {
    var configuration = AsyncSinkWriterConfiguration.builder()
        .setMaxBatchSize(options.batch())
        .setMaxBatchSizeInBytes(options.flushBytes())
        .setMaxInFlightRequests(options.inFlight())
        .setMaxBufferedRequests(options.buffered())
        .setMaxTimeInBufferMS(options.flushAfter().toMillis())
        .setMaxRecordSizeInBytes(MAX_RECORD_BYTES)
        .build();
    var counter = context.metricGroup().getNumRecordsOutErrorsCounter();
    var sender = new Sender(stream, options.failOnError(), options.inFlight(), counter);
    return new KinesisWriter(getElementConverter(), context, configuration, state, sender);
  }

  @Override
  public SimpleVersionedSerializer<BufferedRequestState<StreamEntry>> getWriterStateSerializer() {
    return new StreamEntry.Serializer();
  }
}
