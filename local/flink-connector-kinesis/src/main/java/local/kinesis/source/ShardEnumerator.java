package local.kinesis.source;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import local.kinesis.client.Failures;
import local.kinesis.client.StreamClient;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.connector.source.SplitsAssignment;
import org.apache.flink.util.FlinkRuntimeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.Shard;

/** Lists the stream's shards again and again and gives each to one reader, as {@link ShardTracker} says. */
final class ShardEnumerator implements SplitEnumerator<ShardSplit, EnumeratorState> {
  private static final Logger LOG = LoggerFactory.getLogger(ShardEnumerator.class);

  private final SplitEnumeratorContext<ShardSplit> context;
  private final StreamClient stream;
  private final Duration discovery;
  private final long startMillis;
  private final ShardTracker tracker;
  private final KinesisClient client;

  ShardEnumerator(
      SplitEnumeratorContext<ShardSplit> context, StreamClient stream, Duration discovery, EnumeratorState state) {
    this.context = context;
    this.stream = stream;
    this.discovery = discovery;
    this.startMillis = state.startMillis();
    this.tracker = new ShardTracker(state.assigned(), state.done());
    this.client = stream.connect();
  }

  @Override
  public void start() {
    context.callAsync(this::listShards, this::onShards, 0, discovery.toMillis());
  }

  private List<Shard> listShards() {
    return stream.listShards(client);
  }

  private void onShards(List<Shard> shards, Throwable failure) {
    if (failure == null) {
      tracker.list(shards);
      assign();
    } else if (Failures.isThrottle(failure) || Failures.isOutage(failure)) {
      LOG.warn("Cannot list the shards of {} now; the next attempt is in {}: {}", stream.arn(), discovery,
          failure.getMessage());
    } else {
      throw new FlinkRuntimeException(
          "Cannot list the shards of " + stream.arn() + ": " + failure.getMessage(), failure);
    }
  }

  /** Waits for all readers: a shard whose number is that of a reader still to come would go to none. */
  private void assign() {
    if (context.registeredReaders().size() < context.currentParallelism()) {
      return;
    }
    Map<Integer, List<ShardSplit>> splits = new HashMap<>();
    tracker.assign(context.currentParallelism()).forEach((reader, shards) -> splits.put(reader,
        shards.stream().map(shard -> new ShardSplit(shard, startMillis, null)).toList()));
    if (!splits.isEmpty()) {
      LOG.info("Shards of {} by reader: {}", stream.arn(), splits);
      // One assignment, so that the first fetch of a reader covers all its shards.
      context.assignSplits(new SplitsAssignment<>(splits));
    }
    tracker.release().forEach((shard, reader) -> context.sendEventToSourceReader(reader, new ShardReleased(shard)));
  }

  @Override
  public void handleSourceEvent(int reader, SourceEvent event) {
    if (!(event instanceof ShardEnded ended)) {
      throw new IllegalArgumentException("Unknown event of reader " + reader + ": " + event);
    }
    tracker.end(ended.shardId(), reader);
    context.callAsync(this::listShards, this::onShards); // Its children begin now and not at the next discovery.
  }

  @Override
  public void addSplitsBack(List<ShardSplit> splits, int reader) {
    tracker.takeBack(splits.stream().map(ShardSplit::splitId).toList(), reader);
  }

  @Override
  public void addReader(int reader) {
    assign();
  }

  /** Readers are given shards without asking. */
  @Override
  public void handleSplitRequest(int reader, String host) {}

  @Override
  public EnumeratorState snapshotState(long checkpointId) {
    return tracker.state(startMillis);
  }

  @Override
  public void close() {
    client.close();
  }
}
