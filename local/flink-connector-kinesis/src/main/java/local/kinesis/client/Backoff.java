package local.kinesis.client;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** How long to wait after failures in a row: twice as long each time, up to a limit, with jitter against a chorus. */
public record Backoff(Duration first, Duration longest) {

  /**
   * The wait after a number of failures in a row, of which the first is 1: between half and all of the doubled time.
   */
  public Duration after(int failures) {
    long doubled = first.toMillis() << Math.min(failures - 1, 20);
    long limit = Math.min(doubled, longest.toMillis());
    return Duration.ofMillis(ThreadLocalRandom.current().nextLong(limit / 2, limit + 1));
  }
}
