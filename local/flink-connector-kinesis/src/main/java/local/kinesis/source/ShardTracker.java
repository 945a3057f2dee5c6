package local.kinesis.source;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import software.amazon.awssdk.services.kinesis.model.Shard;

/**
 * What has become of each shard: not read yet, assigned to a reader, ended, or done.
 *
 * <p>A split or a merge closes shards and opens children of theirs. A child is assigned when all its parents have been
 * read to their end, so that the records of one key stay in order. A parent that ended stays with its reader until its
 * children are assigned: without it that reader's watermark, no longer held back by the parent and not yet by the
 * child, could overtake the child's first records, which would then be late.
 */
final class ShardTracker {
  private final Set<String> assigned;
  private final Set<String> done;
  /** Ended and not done, with the reader that has it. Not in a checkpoint: a restored reader reports it again. */
  private final Map<String, Integer> ended = new HashMap<>();
  private Map<String, Shard> listed = Map.of();

  ShardTracker(Collection<String> assigned, Collection<String> done) {
    this.assigned = new TreeSet<>(assigned);
    this.done = new TreeSet<>(done);
  }

  /** Takes note of all shards that the stream has now, closed ones included. */
  void list(List<Shard> shards) {
    Map<String, Shard> byId = new LinkedHashMap<>();
    shards.forEach(shard -> byId.put(shard.shardId(), shard));
    listed = byId;
    // A shard past its retention never comes back.
    assigned.removeIf(id -> !byId.containsKey(id) && done.contains(id));
    done.retainAll(byId.keySet());
  }

  /** A reader emitted the last record of a shard. */
  void end(String shardId, int reader) {
    ended.put(shardId, reader);
  }

  /** A reader failed and starts again from a checkpoint that is older than the assignment of these shards. */
  void takeBack(Collection<String> shardIds, int reader) {
    assigned.removeAll(shardIds);
    done.removeAll(shardIds);
    ended.values().removeIf(holder -> holder == reader);
  }

  /** Assigns every shard that may be read now; gives the shards by reader, a number below {@code readers}. */
  Map<Integer, List<String>> assign(int readers) {
    Map<Integer, List<String>> byReader = new TreeMap<>();
    for (Shard shard : listed.values()) {
      if (!assigned.contains(shard.shardId()) && parents(shard).allMatch(this::isRead)) {
        assigned.add(shard.shardId());
        byReader.computeIfAbsent(readerFor(shard, readers), r -> new ArrayList<>()).add(shard.shardId());
      }
    }
    return byReader;
  }

  /** Ended shards whose children are all assigned, with the reader that has each; they are done from now on. */
  Map<String, Integer> release() {
    Map<String, Integer> released = new TreeMap<>(ended);
    released.keySet().removeIf(id -> !mayGo(id));
    ended.keySet().removeAll(released.keySet());
    done.addAll(released.keySet());
    return released;
  }

  EnumeratorState state(long startMillis) {
    return new EnumeratorState(startMillis, Set.copyOf(assigned), Set.copyOf(done));
  }

  private boolean isRead(String parent) {
    return !listed.containsKey(parent) || done.contains(parent) || ended.containsKey(parent);
  }

  /** With a parent's reader, whose watermark the parent holds back; the others are spread by their number. */
  private int readerFor(Shard shard, int readers) {
    String number = shard.shardId().substring(shard.shardId().lastIndexOf('-') + 1);
    return parents(shard).map(ended::get).filter(Objects::nonNull).findFirst()
        .orElseGet(() -> (int) (Long.parseLong(number) % readers));
  }

  private boolean mayGo(String id) {
    Shard shard = listed.get(id);
    if (shard != null && shard.sequenceNumberRange().endingSequenceNumber() == null) {
      return false; // It ended, so it is closed: this list is older than that and has no children yet.
    }
    return listed.values().stream().filter(child -> parents(child).anyMatch(id::equals))
        .allMatch(child -> assigned.contains(child.shardId()));
  }

  private static Stream<String> parents(Shard shard) {
    return Stream.of(shard.parentShardId(), shard.adjacentParentShardId()).filter(Objects::nonNull);
  }
}
