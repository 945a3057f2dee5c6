package local.kinesis.source;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * A shard and how far it has been read.
 *
 * @param splitId the shard's id
 * @param startMillis where reading begins while there is no sequence number: at records that arrived from this time on
 *     (epoch milliseconds), or at the oldest with {@link #OLDEST}
 * @param sequence of the last record that was read, or null
 */
record ShardSplit(String splitId, long startMillis, String sequence) implements SourceSplit {
  static final long OLDEST = 0;

  /** The same shard, read up to a record. */
  ShardSplit after(String lastSequence) {
    return new ShardSplit(splitId, startMillis, lastSequence);
  }

  static final SimpleVersionedSerializer<ShardSplit> SERIALIZER = new StateSerializer<>() {
    @Override
    void write(ShardSplit split, DataOutputStream out) throws IOException {
      out.writeUTF(split.splitId);
      out.writeLong(split.startMillis);
      out.writeUTF(split.sequence == null ? "" : split.sequence);
    }

    @Override
    ShardSplit read(DataInputStream in) throws IOException {
      String id = in.readUTF();
      long start = in.readLong();
      String sequence = in.readUTF();
      return new ShardSplit(id, start, sequence.isEmpty() ? null : sequence);
    }
  };
}
