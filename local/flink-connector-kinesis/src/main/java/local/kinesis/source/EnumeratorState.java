package local.kinesis.source;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Set;
import java.util.TreeSet;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * What a checkpoint keeps of the enumerator.
 *
 * @param startMillis where shards without a sequence number begin, as in {@link ShardSplit}: fixed when the job is
 *     first submitted, so that a restored job begins no later than that, even in a shard it has had no record of
 * @param assigned shards that were given to a reader
 * @param done those of them that are read to their end, their children given to readers too
 */
record EnumeratorState(long startMillis, Set<String> assigned, Set<String> done) {

  static final SimpleVersionedSerializer<EnumeratorState> SERIALIZER = new StateSerializer<>() {
    @Override
    void write(EnumeratorState state, DataOutputStream out) throws IOException {
      out.writeLong(state.startMillis);
      writeAll(state.assigned, out);
      writeAll(state.done, out);
    }

    @Override
    EnumeratorState read(DataInputStream in) throws IOException {
      return new EnumeratorState(in.readLong(), readAll(in), readAll(in));
    }

    private void writeAll(Set<String> shards, DataOutputStream out) throws IOException {
      out.writeInt(shards.size());
      for (String shard : shards) {
        out.writeUTF(shard);
      }
    }

    private Set<String> readAll(DataInputStream in) throws IOException {
      Set<String> shards = new TreeSet<>();
      for (int left = in.readInt(); left > 0; left--) {
        shards.add(in.readUTF());
      }
      return shards;
    }
  };
}
