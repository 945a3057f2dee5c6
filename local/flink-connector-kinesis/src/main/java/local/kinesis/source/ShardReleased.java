package local.kinesis.source;

import org.apache.flink.api.connector.source.SourceEvent;

/** To a reader: the children of an ended shard have been given to readers, so the shard may go. */
record ShardReleased(String shardId) implements SourceEvent {}
