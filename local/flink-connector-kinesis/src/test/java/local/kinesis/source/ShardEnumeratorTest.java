package local.kinesis.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import local.kinesis.FakeKinesis;
import org.apache.flink.util.FlinkRuntimeException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class ShardEnumeratorTest {
  private static final String A = "shardId-000000000000";
  private static final String B = "shardId-000000000001";
  private static final String C = "shardId-000000000002";
  private static final long START = 1_700_000_000_000L;

  private FakeKinesis kinesis;

  @BeforeEach
  void startKinesis() throws IOException {
    kinesis = new FakeKinesis(A, B);
  }

  @AfterEach
  void stopKinesis() {
    kinesis.close();
  }

  private ShardEnumerator start(TestEnumeratorContext context, EnumeratorState state) {
    var enumerator = new ShardEnumerator(context, kinesis.client(), Duration.ofSeconds(1), state);
    enumerator.start();
    return enumerator;
  }

  private ShardEnumerator start(TestEnumeratorContext context) {
    return start(context, new EnumeratorState(START, Set.of(), Set.of()));
  }

  private static ShardSplit fresh(String shardId) {
    return new ShardSplit(shardId, START, null);
  }

  @Test
  void waitsForAllReaders() {
    var context = new TestEnumeratorContext(2);
    try (var enumerator = start(context)) {
      context.register(1);
      enumerator.addReader(1);
      context.discover();
      assertEquals(Map.of(), context.assigned);
      context.register(0);
      enumerator.addReader(0);
      assertEquals(Map.of(0, List.of(fresh(A)), 1, List.of(fresh(B))), context.assigned);
    }
  }

  @Test
  void findsNewShardsAndStartsChildrenAsSoonAsTheirParentEnds() {
    var context = new TestEnumeratorContext(1);
    context.register(0);
    try (var enumerator = start(context)) {
      context.discover();
      kinesis.close(A);
      kinesis.open(C, A);
      context.discover();
      assertEquals(Map.of(0, List.of(fresh(A), fresh(B))), context.assigned);
      enumerator.handleSourceEvent(0, new ShardEnded(A));
      context.runPending();
      assertEquals(Map.of(0, List.of(fresh(A), fresh(B), fresh(C))), context.assigned);
      assertEquals(Map.of(0, List.of(new ShardReleased(A))), context.sent);
    }
  }

  /** Rescaled to more readers; and a shard that opened meanwhile begins where the job first began. */
  @Test
  void restoresWithAnotherNumberOfReaders() {
    var before = new TestEnumeratorContext(1);
    before.register(0);
    EnumeratorState state;
    try (var enumerator = start(before)) {
      before.discover();
      state = enumerator.snapshotState(1);
    }
    kinesis.close(B);
    kinesis.open(C, B);
    var after = new TestEnumeratorContext(3);
    List.of(0, 1, 2).forEach(after::register);
    try (var enumerator = start(after, state)) {
      after.discover();
      assertEquals(Map.of(), after.assigned, "readers have these shards from their own checkpoints");
      enumerator.handleSourceEvent(2, new ShardEnded(B));
      after.runPending();
      assertEquals(Map.of(2, List.of(fresh(C))), after.assigned);
    }
  }

  @Test
  void assignsAgainWhenAReaderFailedBeforeItsFirstCheckpoint() {
    var context = new TestEnumeratorContext(2);
    context.register(0);
    context.register(1);
    try (var enumerator = start(context)) {
      context.discover();
      context.unregister(1);
      enumerator.addSplitsBack(List.of(fresh(B)), 1);
      context.assigned.clear();
      context.discover();
      assertEquals(Map.of(), context.assigned);
      context.register(1);
      enumerator.addReader(1);
      assertEquals(Map.of(1, List.of(fresh(B))), context.assigned);
    }
  }

  @Test
  void triesAgainWhatPassesAndFailsOtherwise() {
    var context = new TestEnumeratorContext(1);
    context.register(0);
    try (var enumerator = start(context)) {
      kinesis.refuse("ListShards", 400, "LimitExceededException", 1);
      context.discover();
      kinesis.refuse("ListShards", 500, "InternalFailure", 1);
      context.discover();
      assertEquals(Map.of(), context.assigned);
      context.discover();
      assertEquals(2, context.assigned.get(0).size());
      kinesis.refuse("ListShards", 400, "ResourceNotFoundException", 1);
      var failure = assertThrows(FlinkRuntimeException.class, context::discover);
      assertTrue(failure.getMessage().startsWith("Cannot list the shards of " + FakeKinesis.ARN), failure.getMessage());
      assertEquals(Set.of(A, B), enumerator.snapshotState(1).assigned());
    }
  }
}
