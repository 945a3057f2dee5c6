package local.kinesis.source;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import local.kinesis.client.Backoff;
import local.kinesis.client.Failures;
import local.kinesis.client.StreamClient;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.ExpiredIteratorException;
import software.amazon.awssdk.services.kinesis.model.GetRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.Record;
import software.amazon.awssdk.services.kinesis.model.ResourceNotFoundException;
import software.amazon.awssdk.services.kinesis.model.ShardIteratorType;

/** One shard being fetched: from where, and when next. */
final class ShardCursor {
  private static final Logger LOG = LoggerFactory.getLogger(ShardCursor.class);
  private static final Backoff BACKOFF = new Backoff(Duration.ofMillis(200), Duration.ofSeconds(10));
  /** Then the job fails with the outage as its reason instead of only looking well. */
  private static final int MAX_OUTAGES = 10;

  private final KinesisClient client;
  private final StreamClient stream;
  private final ReadOptions options;
  private final ShardLag lag;
  private ShardSplit position;
  private String iterator;
  private long dueNanos = System.nanoTime();
  private int throttles;
  private int outages;
  private boolean ended;

  ShardCursor(KinesisClient client, StreamClient stream, ReadOptions options, ShardLag lag, ShardSplit split) {
    this.client = client;
    this.stream = stream;
    this.options = options;
    this.lag = lag;
    this.position = split;
  }

  String shardId() {
    return position.splitId();
  }

  /** When {@link #fetch} is to be called next, on the clock of {@link System#nanoTime}. */
  long dueNanos() {
    return dueNanos;
  }

  /** Whether the shard is closed and all its records have been fetched. */
  boolean ended() {
    return ended;
  }

  /** One GetRecords. What passes by itself gives no record and a later time; any other failure is raised. */
  List<Record> fetch() {
    try {
      if (iterator == null) {
        iterator = openIterator();
      }
      GetRecordsResponse response = client.getRecords(r -> r.streamARN(stream.arn()).shardIterator(iterator)
          .limit(options.fetchSize()));
      return advance(response);
    } catch (ExpiredIteratorException e) {
      LOG.info("The iterator of {} expired; the next begins after its last record", shardId());
      iterator = null;
    } catch (ResourceNotFoundException e) {
      endIfGone(e);
    } catch (SdkException e) {
      comeAgain(e);
    }
    return List.of();
  }

  private List<Record> advance(GetRecordsResponse response) {
    throttles = 0;
    outages = 0;
    List<Record> records = response.records();
    if (!records.isEmpty()) {
      position = position.after(records.get(records.size() - 1).sequenceNumber());
    }
    iterator = response.nextShardIterator();
    ended = iterator == null;
    long behindMillis = response.millisBehindLatest() == null ? 0 : response.millisBehindLatest();
    lag.report(shardId(), ended ? 0 : behindMillis);
    boolean caughtUp = records.isEmpty() || behindMillis == 0;
    wait(caughtUp ? options.emptyWait() : Duration.ZERO);
    return records;
  }

  private String openIterator() {
    return client.getShardIterator(r -> {
      r.streamARN(stream.arn()).shardId(shardId());
      if (position.sequence() != null) {
        r.shardIteratorType(ShardIteratorType.AFTER_SEQUENCE_NUMBER).startingSequenceNumber(position.sequence());
      } else if (position.startMillis() == ShardSplit.OLDEST) {
        r.shardIteratorType(ShardIteratorType.TRIM_HORIZON);
      } else {
        r.shardIteratorType(ShardIteratorType.AT_TIMESTAMP).timestamp(Instant.ofEpochMilli(position.startMillis()));
      }
    }).shardIterator();
  }

  private void comeAgain(SdkException failure) {
    Duration wait;
    if (Failures.isThrottle(failure)) {
      wait = BACKOFF.after(++throttles);
    } else if (Failures.isOutage(failure) && ++outages < MAX_OUTAGES) {
      wait = BACKOFF.after(outages);
    } else {
      throw failure;
    }
    LOG.warn("Cannot read {} of {} now; the next attempt is in {}: {}", shardId(), stream.arn(), wait,
        failure.getMessage());
    wait(wait);
  }

  /** A shard is gone after its retention. Where the whole stream is gone the job must not go on without it. */
  private void endIfGone(ResourceNotFoundException failure) {
    if (stream.listShards(client).stream().anyMatch(shard -> shard.shardId().equals(shardId()))) {
      throw failure;
    }
    LOG.warn("{} of {} is past its retention: records of it that had not been read are gone", shardId(), stream.arn());
    lag.report(shardId(), 0);
    ended = true;
  }

  private void wait(Duration duration) {
    dueNanos = System.nanoTime() + duration.toNanos();
  }
}
