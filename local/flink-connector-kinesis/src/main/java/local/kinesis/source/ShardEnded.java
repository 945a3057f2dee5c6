package local.kinesis.source;

import org.apache.flink.api.connector.source.SourceEvent;

/** From a reader: every record of a closed shard has been emitted; the reader keeps the shard until its release. */
record ShardEnded(String shardId) implements SourceEvent {}
