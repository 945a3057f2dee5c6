package local.kinesis.source;

/** How far the rows of a shard have been emitted: what a checkpoint keeps. */
final class ShardProgress {
  private final ShardSplit start;
  private String sequence;

  ShardProgress(ShardSplit start) {
    this.start = start;
    this.sequence = start.sequence();
  }

  String shardId() {
    return start.splitId();
  }

  void emitted(String sequenceNumber) {
    sequence = sequenceNumber;
  }

  ShardSplit split() {
    return start.after(sequence);
  }
}
