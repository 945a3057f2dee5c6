package local.kinesis.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import local.kinesis.FakeKinesis;
import org.apache.flink.metrics.Gauge;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class KinesisReaderTest {
  private static final String A = "shardId-000000000000";
  private static final String B = "shardId-000000000001";
  private static final long START = 1_700_000_000_000L;
  private static final ShardSplit OLDEST_A = new ShardSplit(A, ShardSplit.OLDEST, null);
  private static final ShardSplit OLDEST_B = new ShardSplit(B, ShardSplit.OLDEST, null);

  private FakeKinesis kinesis;

  @BeforeEach
  void startKinesis() throws IOException {
    kinesis = new FakeKinesis(A, B);
  }

  @AfterEach
  void stopKinesis() {
    kinesis.close();
  }

  @Test
  void readsOnFromItsCheckpoint() throws Exception {
    List.of("1", "2", "3").forEach(text -> kinesis.put(A, text, START));
    List<ShardSplit> checkpoint;
    try (var task = new ReaderFixture(kinesis, 2)) {
      task.add(OLDEST_A);
      task.pollUntil("three rows", () -> task.rows.size() == 3);
      checkpoint = task.reader().snapshotState(1);
    }
    assertEquals(List.of(OLDEST_A.after("2")), checkpoint);
    kinesis.put(A, "4", START);
    try (var task = new ReaderFixture(kinesis, 2)) {
      task.add(checkpoint.get(0));
      task.pollUntil("the fourth row", () -> task.rows.contains("4"));
      assertEquals(List.of("4"), task.rows);
    }
  }

  /** LATEST is a time in the checkpoint: what came after it is read although the shard had no record yet. */
  @Test
  void losesNothingBetweenTheJobsStartAndItsFirstRecord() throws Exception {
    kinesis.put(A, "before the job", START - 1);
    ShardSplit latest = new ShardSplit(A, START, null);
    List<ShardSplit> checkpoint;
    try (var task = new ReaderFixture(kinesis, 10)) {
      task.add(latest);
      task.pollUntil("an empty GetRecords", () -> !kinesis.calls("GetRecords").isEmpty());
      checkpoint = task.reader().snapshotState(1);
    }
    assertEquals(List.of(latest), checkpoint);
    kinesis.put(A, "while it was down", START + 1);
    try (var task = new ReaderFixture(kinesis, 10)) {
      task.add(checkpoint.get(0));
      task.pollUntil("the row", () -> !task.rows.isEmpty());
      assertEquals(List.of("while it was down"), task.rows);
    }
    assertEquals(START / 1000.0, kinesis.calls("GetShardIterator").get(0).body().get("Timestamp").asDouble());
  }

  @Test
  void goesOnAfterThrottlesOutagesAndAnExpiredIterator() throws Exception {
    kinesis.refuse("GetShardIterator", 400, "LimitExceededException", 1);
    kinesis.refuse("GetRecords", 400, "ProvisionedThroughputExceededException", 2);
    kinesis.refuse("GetRecords", 500, "InternalFailure", 1);
    kinesis.put(A, "1", START);
    try (var task = new ReaderFixture(kinesis, 10)) {
      task.add(OLDEST_A);
      task.pollUntil("the first row", () -> task.rows.size() == 1);
      kinesis.expireIterators();
      kinesis.put(A, "2", START);
      task.pollUntil("the second row", () -> task.rows.size() == 2);
      assertEquals(List.of("1", "2"), task.rows);
    }
  }

  @Test
  void readsOtherShardsWhileOneIsThrottled() throws Exception {
    kinesis.throttle(A, true);
    kinesis.put(A, "a", START);
    kinesis.put(B, "b", START);
    try (var task = new ReaderFixture(kinesis, 10)) {
      task.add(OLDEST_A, OLDEST_B);
      task.pollUntil("the row of B", () -> task.rows.equals(List.of("b")));
      kinesis.throttle(A, false);
      task.pollUntil("the row of A", () -> task.rows.equals(List.of("b", "a")));
    }
  }

  @Test
  void failsForWhatDoesNotPass() throws Exception {
    kinesis.refuse("GetRecords", 400, "AccessDeniedException", 1);
    try (var task = new ReaderFixture(kinesis, 10)) {
      task.add(OLDEST_A);
      var failure = assertThrows(RuntimeException.class, () -> task.pollUntil("a failure", () -> false));
      assertTrue(rootOf(failure).getMessage().contains("as the test asked"), failure.toString());
    }
  }

  @Test
  void keepsAnEndedShardUntilItIsReleased() throws Exception {
    kinesis.put(A, "last", START);
    kinesis.close(A);
    try (var task = new ReaderFixture(kinesis, 10)) {
      task.add(OLDEST_A);
      task.pollUntil("the event", () -> !task.events.isEmpty());
      assertEquals(List.of(new ShardEnded(A)), task.events);
      assertEquals(List.of("last"), task.rows);
      assertEquals(List.of(OLDEST_A.after("0")), task.reader().snapshotState(1));
      assertEquals(List.of(), task.releasedOutputs);

      task.reader().handleSourceEvents(new ShardReleased(A));
      task.pollUntil("the release", () -> !task.releasedOutputs.isEmpty());
      assertEquals(List.of(), task.reader().snapshotState(2));
      task.add(OLDEST_B);
      kinesis.put(B, "child", START);
      task.pollUntil("the child's row", () -> task.rows.contains("child"));
    }
  }

  @Test
  void reportsAHeldShardAgainAfterARestore() throws Exception {
    kinesis.put(A, "last", START);
    kinesis.close(A);
    try (var task = new ReaderFixture(kinesis, 10)) {
      task.add(OLDEST_A.after("0"));
      task.pollUntil("the event", () -> !task.events.isEmpty());
      assertEquals(List.of(), task.rows);
    }
  }

  @Test
  void keepsReadingAShardWhoseReleaseIsOfAnEarlierAttempt() throws Exception {
    try (var task = new ReaderFixture(kinesis, 10)) {
      task.reader().handleSourceEvents(new ShardReleased(A));
      task.add(OLDEST_A);
      task.pollUntil("a GetRecords", () -> !kinesis.calls("GetRecords").isEmpty());
      task.reader().handleSourceEvents(new ShardReleased(A));
      kinesis.put(A, "still read", START);
      task.pollUntil("the row", () -> !task.rows.isEmpty());
    }
  }

  @Test
  void endsAShardPastItsRetention() throws Exception {
    kinesis.remove(A);
    try (var task = new ReaderFixture(kinesis, 10)) {
      task.add(OLDEST_A);
      task.pollUntil("the event", () -> !task.events.isEmpty());
      assertEquals(List.of(new ShardEnded(A)), task.events);
    }
  }

  @Test
  void failsWhenTheStreamIsGone() throws Exception {
    kinesis.refuse("GetShardIterator", 400, "ResourceNotFoundException", 1);
    kinesis.refuse("ListShards", 400, "ResourceNotFoundException", 1);
    try (var task = new ReaderFixture(kinesis, 10)) {
      task.add(OLDEST_A);
      assertThrows(RuntimeException.class, () -> task.pollUntil("a failure", () -> false));
    }
  }

  @Test
  void takesTurnsBetweenTheShardsOfABacklog() throws Exception {
    IntStream.range(0, 1000).forEach(i -> kinesis.put(A, "a" + i, START));
    IntStream.range(0, 1000).forEach(i -> kinesis.put(B, "b" + i, START));
    try (var task = new ReaderFixture(kinesis, 1000)) {
      task.add(OLDEST_A, OLDEST_B);
      task.pollUntil("all rows", () -> task.rows.size() == 2000);
      List<Integer> turns = new ArrayList<>();
      for (int i = 1; i < task.rows.size(); i++) {
        if (task.rows.get(i).charAt(0) != task.rows.get(i - 1).charAt(0)) {
          turns.add(i);
        }
      }
      assertEquals(IntStream.range(1, 20).mapToObj(i -> i * 100).toList(), turns);
    }
  }

  @Test
  void countsRecordsWithoutARowAsRead() throws Exception {
    List.of("bad", "good", "bad").forEach(text -> kinesis.put(A, text, START));
    try (var task = new ReaderFixture(kinesis, 10)) {
      task.add(OLDEST_A);
      task.pollUntil("the last record",
          () -> task.reader().snapshotState(1).equals(List.of(OLDEST_A.after("2"))));
      assertEquals(List.of("good"), task.rows);
    }
  }

  @Test
  void showsHowFarEachShardIsBehind() throws Exception {
    List.of("1", "2", "3").forEach(text -> kinesis.put(A, text, START));
    try (var task = new ReaderFixture(kinesis, 1)) {
      task.add(OLDEST_A);
      task.pollUntil("three rows", () -> task.rows.size() == 3);
      Gauge<Long> behind = task.metrics.<Long>getGauge("KinesisStreamSource", "accountId", "000000000000", "region",
          "us-east-1", "stream", "clicks", "shardId", A, "millisBehindLatest").orElseThrow();
      task.pollUntil("the newest record", () -> behind.getValue() == 0);
    }
  }

  @Test
  void addsMetadataColumns() throws Exception {
    kinesis.put(A, "1", START);
    try (var task = new ReaderFixture(kinesis, 10, RecordMetadata.values())) {
      task.add(OLDEST_A);
      task.pollUntil("the row", () -> !task.rows.isEmpty());
      var row = task.rowData.get(0);
      assertEquals(START, row.getTimestamp(1, 3).getMillisecond());
      assertEquals("0", row.getString(2).toString());
      assertEquals(A, row.getString(3).toString());
    }
  }

  private static Throwable rootOf(Throwable failure) {
    return failure.getCause() == null ? failure : rootOf(failure.getCause());
  }
}
