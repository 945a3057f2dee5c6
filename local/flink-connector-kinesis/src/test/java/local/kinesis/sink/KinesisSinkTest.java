package local.kinesis.sink;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import local.kinesis.FakeKinesis;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.connector.sink2.StatefulSinkWriter;
import org.apache.flink.connector.base.sink.writer.BufferedRequestState;
import org.apache.flink.connector.base.sink.writer.RequestEntryWrapper;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.types.logical.VarCharType;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class KinesisSinkTest {
  private static final String SHARD = "shardId-000000000000";

  private FakeKinesis kinesis;

  @BeforeEach
  void startKinesis() throws IOException {
    kinesis = new FakeKinesis(SHARD);
  }

  @AfterEach
  void stopKinesis() {
    kinesis.close();
  }

  private KinesisSink sink(boolean failOnError) {
    var keys = new PartitionKeys.Columns(List.of(RowData.createFieldGetter(VarCharType.STRING_TYPE, 0)), "|");
    SerializationSchema<RowData> format = row -> row.getString(0).toString().getBytes(StandardCharsets.UTF_8);
    var options = new WriteOptions(10, 3, 100, KinesisSink.MAX_RECORD_BYTES, Duration.ofSeconds(5), failOnError);
    return new KinesisSink(kinesis.client(), options, new RowConverter(format, keys));
  }

  private static void write(StatefulSinkWriter<RowData, ?> writer, int rows) throws Exception {
    for (int i = 0; i < rows; i++) {
      writer.write(GenericRowData.of(StringData.fromString("row" + i)), null);
    }
    writer.flush(true);
  }

  private List<String> written() {
    return kinesis.records(SHARD).stream().map(FakeKinesis.Put::data).sorted().toList();
  }

  private static List<String> rows(int rows) {
    return IntStream.range(0, rows).mapToObj(i -> "row" + i).sorted().toList();
  }

  @Test
  void writesEachRowOnceUnderItsKey() throws Exception {
    try (var writer = sink(false).createWriter(new TestWriterContext())) {
      write(writer, 95);
    }
    assertEquals(rows(95), written());
    assertTrue(kinesis.records(SHARD).stream().allMatch(put -> put.key().equals(put.data())));
  }

  @Test
  void sendsOnlyTheRefusedRecordsOfARequestAgain() throws Exception {
    kinesis.refuseRecords(17);
    var context = new TestWriterContext();
    try (var writer = sink(false).createWriter(context)) {
      write(writer, 40);
    }
    assertEquals(rows(40), written());
    assertEquals(17, context.metricGroup().getNumRecordsOutErrorsCounter().getCount());
  }

  @Test
  void sendsAWholeRequestAgainAfterThrottlesAndOutages() throws Exception {
    kinesis.refuse("PutRecords", 400, "ProvisionedThroughputExceededException", 2);
    kinesis.refuse("PutRecords", 500, "InternalFailure", 1);
    try (var writer = sink(false).createWriter(new TestWriterContext())) {
      write(writer, 40);
    }
    assertEquals(rows(40), written());
  }

  @Test
  void failsForWhatDoesNotPass() throws Exception {
    kinesis.refuse("PutRecords", 400, "AccessDeniedException", 1);
    try (var writer = sink(false).createWriter(new TestWriterContext())) {
      var failure = assertThrows(Exception.class, () -> write(writer, 5));
      assertTrue(failure.getMessage().contains("as the test asked"), failure.toString());
    }
  }

  @Test
  void failsForARefusedRecordWhereTheTableSaysSo() throws Exception {
    kinesis.refuseRecords(1);
    try (var writer = sink(true).createWriter(new TestWriterContext())) {
      var failure = assertThrows(RuntimeException.class, () -> write(writer, 5));
      assertEquals(FakeKinesis.ARN + " refused 1 of 5 records: ProvisionedThroughputExceededException: Rate exceeded",
          failure.getCause().getMessage());
    }
  }

  @Test
  void refusesARecordThatKinesisWouldNotTake() throws Exception {
    try (var writer = sink(false).createWriter(new TestWriterContext())) {
      var huge = GenericRowData.of(StringData.fromString("x".repeat((int) KinesisSink.MAX_RECORD_BYTES + 1)));
      assertThrows(IllegalArgumentException.class, () -> writer.write(huge, null));
    }
  }

  @Test
  void writesWhatItsCheckpointHeldBack() throws Exception {
    KinesisSink sink = sink(false);
    List<BufferedRequestState<StreamEntry>> state;
    try (var writer = sink.createWriter(new TestWriterContext())) {
      writer.write(GenericRowData.of(StringData.fromString("row0")), null);
      state = writer.snapshotState(1);
    }
    assertEquals(List.of(), written());
    var serializer = sink.getWriterStateSerializer();
    List<BufferedRequestState<StreamEntry>> restored = new ArrayList<>();
    for (var part : state) {
      restored.add(serializer.deserialize(serializer.getVersion(), serializer.serialize(part)));
    }
    try (var writer = sink.restoreWriter(new TestWriterContext(), restored)) {
      writer.flush(true);
    }
    assertEquals(rows(1), written());
  }

  @Test
  void keepsKeyAndBytesOfAnEntryInACheckpoint() throws IOException {
    byte[] data = {0, -1, 127, 10};
    var entry = new StreamEntry("schlüssel|ключ", data);
    var serializer = new StreamEntry.Serializer();
    var state = new BufferedRequestState<>(List.of(new RequestEntryWrapper<>(entry, entry.size())));
    var restored = serializer.deserialize(1, serializer.serialize(state)).getBufferedRequestEntries();
    assertEquals(1, restored.size());
    assertEquals(entry.key(), restored.get(0).getRequestEntry().key());
    assertArrayEquals(data, restored.get(0).getRequestEntry().data());
    assertEquals(entry.size(), restored.get(0).getSize());
  }
}
