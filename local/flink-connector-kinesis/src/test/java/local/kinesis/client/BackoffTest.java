package local.kinesis.client;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BackoffTest {
  private final Backoff backoff = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(5));

  @ParameterizedTest
  @CsvSource({"1, 50, 100", "2, 100, 200", "4, 400, 800", "7, 2500, 5000", "100000, 2500, 5000"})
  void doublesUpToItsLimit(int failures, long least, long most) {
    for (int i = 0; i < 200; i++) {
      long wait = backoff.after(failures).toMillis();
      assertTrue(least <= wait && wait <= most, () -> failures + " failures: " + wait + " ms");
    }
  }

  @Test
  void doesNotMakeAllComeAtOnce() {
    assertTrue(LongStream.generate(() -> backoff.after(5).toMillis()).limit(200).distinct().count() > 20);
  }
}
