package local.kinesis.source;

import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.connector.base.source.reader.RecordEmitter;
import org.apache.flink.connector.base.source.reader.SingleThreadMultiplexSourceReaderBase;
import org.apache.flink.table.data.RowData;
import software.amazon.awssdk.services.kinesis.model.Record;

/**
 * A subtask of the source.
 *
 * <p>A shard that has ended stays with the reader, and so in its checkpoints, until the enumerator has assigned the
 * shard's children: after a restore it ends once more and is reported once more, and no child can be forgotten.
 */
final class KinesisReader extends SingleThreadMultiplexSourceReaderBase<Record, RowData, ShardSplit, ShardProgress> {
  private final AtomicReference<ShardReader> shards;

  static KinesisReader create(KinesisSource source, SourceReaderContext context) {
    var metrics = context.metricGroup();
    var emitter = new RowEmitter(source.format(), source.metadata(), metrics.getIOMetricGroup().getNumBytesInCounter());
    return new KinesisReader(source, context, emitter, new ShardLag(metrics, source.stream().arn()),
        new AtomicReference<>());
  }

  private KinesisReader(KinesisSource source, SourceReaderContext context,
      RecordEmitter<Record, RowData, ShardProgress> emitter, ShardLag lag, AtomicReference<ShardReader> shards) {
    super(() -> {
      shards.set(new ShardReader(source.stream(), source.options(), lag,
          shardId -> context.sendSourceEventToCoordinator(new ShardEnded(shardId))));
      return shards.get();
    }, emitter, context.getConfiguration(), context);
    this.shards = shards;
  }

  @Override
  public void handleSourceEvents(SourceEvent event) {
    if (!(event instanceof ShardReleased released)) {
      throw new IllegalArgumentException("Unknown event of the enumerator: " + event);
    }
    ShardReader reader = shards.get();
    if (reader != null) { // None is made before the first shard, as when the event is for an earlier attempt.
      reader.release(released.shardId());
    }
  }

  @Override
  protected ShardProgress initializedState(ShardSplit split) {
    return new ShardProgress(split);
  }

  @Override
  protected ShardSplit toSplitType(String shardId, ShardProgress progress) {
    return progress.split();
  }

  /** Nothing is left to do: the enumerator released the shard itself. */
  @Override
  protected void onSplitFinished(Map<String, ShardProgress> finished) {}
}
