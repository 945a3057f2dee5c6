package local.kinesis.source;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** Version 1 of a small piece of a checkpoint. */
abstract class StateSerializer<T> implements SimpleVersionedSerializer<T> {
  private static final int VERSION = 1;

  abstract void write(T value, DataOutputStream out) throws IOException;

  abstract T read(DataInputStream in) throws IOException;

  @Override
  public final int getVersion() {
    return VERSION;
  }

  @Override
  public final byte[] serialize(T value) throws IOException {
    var bytes = new ByteArrayOutputStream();
    write(value, new DataOutputStream(bytes));
    return bytes.toByteArray();
  }

  @Override
  public final T deserialize(int version, byte[] bytes) throws IOException {
    if (version != VERSION) {
      throw new IOException("The checkpoint holds state of version %d of the local kinesis connector, which reads only"
          .formatted(version) + " version " + VERSION + ". Start the job without it.");
    }
    return read(new DataInputStream(new ByteArrayInputStream(bytes)));
  }
}
