package local.kinesis.sink;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import org.apache.flink.connector.base.sink.writer.AsyncSinkWriterStateSerializer;

/** A record that is to be written. */
record StreamEntry(String key, byte[] data) implements Serializable {

  /** What Kinesis counts against its limits: data and key. */
  long size() {
    return data.length + key.getBytes(StandardCharsets.UTF_8).length;
  }

  /** For the checkpoint: records that were not sent yet. */
  static final class Serializer extends AsyncSinkWriterStateSerializer<StreamEntry> {
    @Override
    protected void serializeRequestToStream(StreamEntry entry, DataOutputStream out) throws IOException {
      out.writeUTF(entry.key);
      out.writeInt(entry.data.length);
      out.write(entry.data);
    }

    @Override
    protected StreamEntry deserializeRequestFromStream(long size, DataInputStream in) throws IOException {
      String key = in.readUTF();
      return new StreamEntry(key, in.readNBytes(in.readInt()));
    }

    @Override
    public int getVersion() {
      return 1;
    }
  }
}
