package ecomm.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;

class LogSampleTest {
  @Test
  void takesTheFirstFewAndThenOneAnInterval() {
    // The clock of System.nanoTime may begin below zero.
    var sample = new LogSample(3, 10);
    assertEquals(List.of(-20L, -19L, -18L, -8L, 2L),
        LongStream.range(-20, 12).filter(sample::next).boxed().toList());
  }
}
