package local.kinesis.source;

import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import local.kinesis.client.StreamClient;
import org.apache.flink.connector.base.source.reader.RecordsWithSplitIds;
import org.apache.flink.connector.base.source.reader.splitreader.SplitReader;
import org.apache.flink.connector.base.source.reader.splitreader.SplitsAddition;
import org.apache.flink.connector.base.source.reader.splitreader.SplitsChange;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.Record;

/**
 * Fetches the shards of one subtask, on a thread of its own: each fetch is one GetRecords of every shard that is due.
 * Flink's queue of two fetches is the back-pressure: while it is full, none is made.
 */
final class ShardReader implements SplitReader<Record, ShardSplit> {
  private final StreamClient stream;
  private final ReadOptions options;
  private final ShardLag lag;
  private final Consumer<String> onEnd;
  private final KinesisClient client;
  private final Map<String, ShardCursor> cursors = new HashMap<>();
  private final Set<String> paused = new HashSet<>();
  /** Guarded by this object's monitor, as other threads set them. */
  private final Set<String> released = new HashSet<>();
  private boolean awake;

  /** Calls {@code onEnd}, on the task's thread, with each shard whose last record has been emitted. */
  ShardReader(StreamClient stream, ReadOptions options, ShardLag lag, Consumer<String> onEnd) {
    this.stream = stream;
    this.options = options;
    this.lag = lag;
    this.onEnd = onEnd;
    this.client = stream.connect();
  }

  @Override
  public void handleSplitsChanges(SplitsChange<ShardSplit> change) {
    if (!(change instanceof SplitsAddition)) {
      throw new UnsupportedOperationException("A shard leaves its reader only at its end, not by " + change);
    }
    for (ShardSplit split : change.splits()) {
      cursors.put(split.splitId(), new ShardCursor(client, stream, options, lag, split));
    }
  }

  @Override
  public void pauseOrResumeSplits(Collection<ShardSplit> pause, Collection<ShardSplit> resume) {
    pause.forEach(split -> paused.add(split.splitId()));
    resume.forEach(split -> paused.remove(split.splitId()));
  }

  @Override
  public RecordsWithSplitIds<Record> fetch() {
    var batch = new ShardBatch(onEnd);
    for (String shardId : awaitWork()) {
      ShardCursor cursor = cursors.get(shardId);
      if (cursor != null && cursor.ended()) {
        cursors.remove(shardId);
        batch.finish(shardId);
      }
    }
    long now = System.nanoTime();
    for (ShardCursor cursor : active()) {
      if (cursor.dueNanos() - now <= 0) {
        batch.add(cursor.shardId(), cursor.fetch());
        if (cursor.ended()) {
          batch.end(cursor.shardId());
        }
      }
    }
    return batch;
  }

  private List<ShardCursor> active() {
    return cursors.values().stream().filter(c -> !c.ended() && !paused.contains(c.shardId())).toList();
  }

  /** Sleeps until a shard is due, one is released or {@link #wakeUp} is called; gives the released ones. */
  private synchronized Set<String> awaitWork() {
    try {
      while (!awake && released.isEmpty()) {
        long nanos = active().stream().mapToLong(c -> c.dueNanos() - System.nanoTime()).min().orElse(Long.MAX_VALUE);
        if (nanos <= 0) {
          break;
        }
        TimeUnit.NANOSECONDS.timedWait(this, Math.max(nanos, 1_000_000));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    awake = false;
    Set<String> taken = Set.copyOf(released);
    released.clear();
    return taken;
  }

  /** Lets a shard go that has ended; without effect on one that is still being read, as after a restart. */
  synchronized void release(String shardId) {
    released.add(shardId);
    notifyAll();
  }

  @Override
  public synchronized void wakeUp() {
    awake = true;
    notifyAll();
  }

  @Override
  public void close() {
    client.close();
  }
}
