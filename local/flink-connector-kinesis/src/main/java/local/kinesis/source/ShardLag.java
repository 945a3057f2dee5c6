package local.kinesis.source;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.MetricGroup;

/**
 * The metric {@code millisBehindLatest} of each shard, under the groups that the official connector gives it:
 * {@code KinesisStreamSource.accountId.….region.….stream.….shardId.….millisBehindLatest}.
 */
final class ShardLag {
  private final Map<String, AtomicLong> millis = new ConcurrentHashMap<>();
  private final MetricGroup group;

  /** Of the stream with an ARN such as {@code arn:aws:kinesis:us-east-1:123456789012:stream/name}. */
  ShardLag(MetricGroup metrics, String arn) {
    String[] parts = arn.split(":", 6);
    group = metrics.addGroup("KinesisStreamSource")
        .addGroup("accountId", parts[4])
        .addGroup("region", parts[3])
        .addGroup("stream", parts[5].substring(parts[5].indexOf('/') + 1));
  }

  /** How far the last fetched record of a shard is behind its newest. */
  void report(String shardId, long millisBehindLatest) {
    millis.computeIfAbsent(shardId, this::register).set(millisBehindLatest);
  }

  private AtomicLong register(String shardId) {
    AtomicLong value = new AtomicLong();
    group.addGroup("shardId", shardId).gauge("millisBehindLatest", (Gauge<Long>) value::get);
    return value;
  }
}
