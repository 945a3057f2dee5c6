package local.kinesis.source;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import software.amazon.awssdk.services.kinesis.model.Shard;

class ShardTrackerTest {
  private static final String A = "shardId-000000000000";
  private static final String B = "shardId-000000000001";
  private static final String C = "shardId-000000000002";
  private static final String D = "shardId-000000000003";

  private final ShardTracker tracker = new ShardTracker(Set.of(), Set.of());

  private static Shard open(String id, String parent, String adjacent) {
    return Shard.builder().shardId(id).parentShardId(parent).adjacentParentShardId(adjacent)
        .sequenceNumberRange(r -> r.startingSequenceNumber("0")).build();
  }

  private static Shard open(String id) {
    return open(id, null, null);
  }

  private static Shard closed(String id) {
    return open(id).toBuilder()
        .sequenceNumberRange(r -> r.startingSequenceNumber("0").endingSequenceNumber("9")).build();
  }

  @Test
  void givesEachShardToOneReaderOnce() {
    tracker.list(List.of(open(A), open(B), open(C)));
    assertEquals(Map.of(0, List.of(A, C), 1, List.of(B)), tracker.assign(2));
    assertEquals(Map.of(), tracker.assign(2));
  }

  @Test
  void givesTheChildrenOfASplitToTheReaderThatHasTheirParent() {
    tracker.list(List.of(open(A), open(B)));
    tracker.assign(2);
    tracker.list(List.of(open(A), closed(B), open(C, B, null), open(D, B, null)));
    assertEquals(Map.of(), tracker.assign(2));
    tracker.end(B, 1);
    assertEquals(Map.of(1, List.of(C, D)), tracker.assign(2));
    assertEquals(Map.of(B, 1), tracker.release());
    assertEquals(Map.of(), tracker.release());
  }

  @Test
  void givesTheChildOfAMergeWhenBothParentsAreRead() {
    tracker.list(List.of(closed(A), closed(B), open(C, A, B)));
    assertEquals(Map.of(0, List.of(A), 1, List.of(B)), tracker.assign(2));
    tracker.end(A, 0);
    assertEquals(Map.of(), tracker.assign(2));
    assertEquals(Map.of(), tracker.release());
    tracker.end(B, 1);
    assertEquals(Map.of(0, List.of(C)), tracker.assign(2));
    assertEquals(Map.of(A, 0, B, 1), tracker.release());
  }

  @Test
  void doesNotWaitForAParentPastItsRetention() {
    tracker.list(List.of(open(C, A, B)));
    assertEquals(Map.of(0, List.of(C)), tracker.assign(2));
  }

  @Test
  void keepsAnEndedShardWhileTheListIsOlderThanItsEnd() {
    tracker.list(List.of(open(A)));
    tracker.assign(1);
    tracker.end(A, 0);
    assertEquals(Map.of(), tracker.release());
    tracker.list(List.of(closed(A), open(B, A, null)));
    assertEquals(Map.of(0, List.of(B)), tracker.assign(1));
    assertEquals(Map.of(A, 0), tracker.release());
  }

  @Test
  void startsNoShardAgainAfterARestore() {
    tracker.list(List.of(closed(A), open(B, A, null)));
    tracker.assign(1);
    tracker.end(A, 0);
    tracker.assign(1);
    tracker.release();
    EnumeratorState state = tracker.state(5);

    ShardTracker restored = new ShardTracker(state.assigned(), state.done());
    restored.list(List.of(closed(A), open(B, A, null), open(C)));
    assertEquals(Map.of(2, List.of(C)), restored.assign(4));
  }

  @Test
  void waitsForAHeldParentAgainAfterARestore() {
    tracker.list(List.of(closed(A), closed(B), open(C, A, B)));
    tracker.assign(2);
    tracker.end(A, 0);
    tracker.release();
    EnumeratorState state = tracker.state(5);

    ShardTracker restored = new ShardTracker(state.assigned(), state.done());
    restored.list(List.of(closed(A), closed(B), open(C, A, B)));
    restored.end(B, 0);
    assertEquals(Map.of(), restored.assign(1), "a parent that the restored reader still has was taken for read");
    restored.end(A, 0);
    assertEquals(Map.of(0, List.of(C)), restored.assign(1));
  }

  @Test
  void releasesAShardThatEndsOnceMoreAfterARestart() {
    tracker.list(List.of(closed(A), open(B, A, null)));
    tracker.assign(1);
    tracker.end(A, 0);
    tracker.assign(1);
    tracker.release();
    tracker.end(A, 0);
    assertEquals(Map.of(), tracker.assign(1));
    assertEquals(Map.of(A, 0), tracker.release());
  }

  @Test
  void assignsAgainWhatAFailedReaderHadNotCheckpointed() {
    tracker.list(List.of(closed(A), open(B)));
    tracker.assign(2);
    tracker.end(A, 0);
    tracker.takeBack(List.of(A), 0);
    assertEquals(Map.of(), tracker.release(), "an event for the attempt that failed");
    assertEquals(Map.of(0, List.of(A)), tracker.assign(2));
  }

  @Test
  void forgetsShardsPastTheirRetention() {
    tracker.list(List.of(closed(A), open(B, A, null)));
    tracker.assign(1);
    tracker.end(A, 0);
    tracker.assign(1);
    tracker.release();
    tracker.list(List.of(open(B, A, null)));
    assertEquals(new EnumeratorState(5, Set.of(B), Set.of()), tracker.state(5));
  }
}
