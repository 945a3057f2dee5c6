package local.kinesis.source;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.junit.jupiter.api.Test;

class StateTest {
  private static <T> T roundTrip(SimpleVersionedSerializer<T> serializer, T value) throws IOException {
    return serializer.deserialize(serializer.getVersion(), serializer.serialize(value));
  }

  @Test
  void keepsAShardWithAndWithoutASequenceNumber() throws IOException {
    ShardSplit fresh = new ShardSplit("shardId-000000000007", 1_572_566_400_123L, null);
    assertEquals(fresh, roundTrip(ShardSplit.SERIALIZER, fresh));
    ShardSplit read = fresh.after("49648984969890691415004527695771943445790640323793256498");
    assertEquals(read, roundTrip(ShardSplit.SERIALIZER, read));
  }

  @Test
  void keepsTheEnumeratorOfThousandsOfShards() throws IOException {
    Set<String> assigned = IntStream.range(0, 5000).mapToObj("shardId-%012d"::formatted).collect(Collectors.toSet());
    EnumeratorState state = new EnumeratorState(7, assigned, Set.of("shardId-000000000001"));
    assertEquals(state, roundTrip(EnumeratorState.SERIALIZER, state));
    EnumeratorState empty = new EnumeratorState(0, Set.of(), Set.of());
    assertEquals(empty, roundTrip(EnumeratorState.SERIALIZER, empty));
  }

  @Test
  void refusesTheStateOfAnotherVersion() {
    IOException refusal = assertThrows(IOException.class, () -> ShardSplit.SERIALIZER.deserialize(2, new byte[0]));
    assertEquals("The checkpoint holds state of version 2 of the local kinesis connector, which reads only version 1."
        + " Start the job without it.", refusal.getMessage());
  }
}
