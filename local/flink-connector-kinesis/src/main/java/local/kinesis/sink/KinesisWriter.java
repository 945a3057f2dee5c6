package local.kinesis.sink;

import java.util.Collection;
import java.util.List;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.connector.base.sink.writer.AsyncSinkWriter;
import org.apache.flink.connector.base.sink.writer.BufferedRequestState;
import org.apache.flink.connector.base.sink.writer.ElementConverter;
import org.apache.flink.connector.base.sink.writer.ResultHandler;
import org.apache.flink.connector.base.sink.writer.config.AsyncSinkWriterConfiguration;
import org.apache.flink.table.data.RowData;

/** A subtask of the sink: Flink's writer batches and waits, {@link Sender} sends. */
final class KinesisWriter extends AsyncSinkWriter<RowData, StreamEntry> {
  private final Sender sender;

  @SuppressWarnings("deprecation") // Its successor takes the same two parts that this one makes.
  KinesisWriter(ElementConverter<RowData, StreamEntry> converter, WriterInitContext context,
      AsyncSinkWriterConfiguration configuration, Collection<BufferedRequestState<StreamEntry>> state, Sender sender) {
    super(converter, context, configuration, state);
    this.sender = sender;
  }

  @Override
  protected void submitRequestEntries(List<StreamEntry> entries, ResultHandler<StreamEntry> result) {
    sender.send(entries, result);
  }

  @Override
  protected long getSizeInBytes(StreamEntry entry) {
    return entry.size();
  }

  @Override
  public void close() {
    sender.close();
    super.close();
  }
}
