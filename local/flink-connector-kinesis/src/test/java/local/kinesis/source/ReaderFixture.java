package local.kinesis.source;

import static org.junit.jupiter.api.Assertions.fail;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BooleanSupplier;
import local.kinesis.FakeKinesis;
import org.apache.flink.api.common.eventtime.Watermark;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.metrics.groups.SourceReaderMetricGroup;
import org.apache.flink.metrics.testutils.MetricListener;
import org.apache.flink.runtime.metrics.groups.InternalSourceReaderMetricGroup;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.util.SimpleUserCodeClassLoader;
import org.apache.flink.util.UserCodeClassLoader;

/** A subtask of the source as Flink runs it, its rows and events kept. */
final class ReaderFixture implements SourceReaderContext, ReaderOutput<RowData>, AutoCloseable {
  final List<String> rows = new ArrayList<>();
  final List<RowData> rowData = new ArrayList<>();
  final List<String> releasedOutputs = new ArrayList<>();
  final List<SourceEvent> events = new CopyOnWriteArrayList<>();
  final MetricListener metrics = new MetricListener();
  private final SourceReaderMetricGroup group = InternalSourceReaderMetricGroup.mock(metrics.getMetricGroup());
  private final SourceReader<RowData, ShardSplit> reader;

  ReaderFixture(FakeKinesis kinesis, int fetchSize, RecordMetadata... metadata) throws Exception {
    var options = new ReadOptions(1, Duration.ofSeconds(1), fetchSize, Duration.ofMillis(20));
    reader = new KinesisSource(kinesis.client(), options, new Text(), List.of(metadata)).createReader(this);
    reader.start();
  }

  SourceReader<RowData, ShardSplit> reader() {
    return reader;
  }

  void add(ShardSplit... splits) {
    reader.addSplits(List.of(splits));
  }

  /** Polls as the task does until the condition holds. */
  void pollUntil(String what, BooleanSupplier condition) throws Exception {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        fail("Not within 20 s: " + what + "; rows are " + rows + ", events " + events);
      }
      if (reader.pollNext(this) == InputStatus.NOTHING_AVAILABLE) {
        awaitRecords();
      }
    }
  }

  /** Not for long, as the condition may be one of the fake Kinesis. */
  private void awaitRecords() throws Exception {
    try {
      reader.isAvailable().get(5, TimeUnit.MILLISECONDS);
    } catch (TimeoutException e) {
      // Then the condition is looked at again.
    }
  }

  @Override
  public void close() throws Exception {
    reader.close();
  }

  @Override
  public void collect(RowData row) {
    rowData.add(row);
    rows.add(row.getString(0).toString());
  }

  @Override
  public void collect(RowData row, long timestamp) {
    collect(row);
  }

  @Override
  public SourceOutput<RowData> createOutputForSplit(String splitId) {
    return this;
  }

  @Override
  public void releaseOutputForSplit(String splitId) {
    releasedOutputs.add(splitId);
  }

  @Override
  public void emitWatermark(Watermark watermark) {}

  @Override
  public void markIdle() {}

  @Override
  public void markActive() {}

  @Override
  public SourceReaderMetricGroup metricGroup() {
    return group;
  }

  @Override
  public Configuration getConfiguration() {
    return new Configuration();
  }

  @Override
  public String getLocalHostName() {
    return "here";
  }

  @Override
  public int getIndexOfSubtask() {
    return 0;
  }

  @Override
  public void sendSplitRequest() {}

  @Override
  public void sendSourceEventToCoordinator(SourceEvent event) {
    events.add(event);
  }

  @Override
  public UserCodeClassLoader getUserCodeClassLoader() {
    return SimpleUserCodeClassLoader.create(getClass().getClassLoader());
  }

  /** One column with the record's text; the text "bad" gives no row, as a format does that drops what is malformed. */
  private static final class Text implements DeserializationSchema<RowData> {
    @Override
    public RowData deserialize(byte[] message) {
      String text = new String(message, StandardCharsets.UTF_8);
      return text.equals("bad") ? null : GenericRowData.of(StringData.fromString(text));
    }

    @Override
    public boolean isEndOfStream(RowData row) {
      return false;
    }

    @Override
    public TypeInformation<RowData> getProducedType() {
      return TypeInformation.of(RowData.class);
    }
  }
}
