package local.kinesis.source;

import java.io.Serializable;
import java.time.Duration;

/**
 * How shards are read.
 *
 * @param startMillis where a new job begins, as in {@link ShardSplit}
 * @param discovery time between two looks for new shards
 * @param fetchSize most records of one GetRecords
 * @param emptyWait time until the next GetRecords of a shard that has been read to its newest record
 */
public record ReadOptions(long startMillis, Duration discovery, int fetchSize, Duration emptyWait)
    implements Serializable {

  /** The {@code startMillis} of a job that begins with the oldest record. */
  public static final long OLDEST = ShardSplit.OLDEST;
}
