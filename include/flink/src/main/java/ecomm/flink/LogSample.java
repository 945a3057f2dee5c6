package ecomm.flink;

/** Which of many events to log: the first few, then at most one an interval. A flood must not fill the log. */
final class LogSample {
  private final int first;
  private final long intervalNanos;
  private int logged;
  private long last;

  LogSample(int first, long intervalNanos) {
    this.first = first;
    this.intervalNanos = intervalNanos;
  }

  /** Whether to log the event that happens at {@code nanos}, a time as {@link System#nanoTime} gives it. */
  boolean next(long nanos) {
    if (logged >= first && nanos - last < intervalNanos) {
      return false;
    }
    logged = Math.min(logged + 1, first);
    last = nanos;
    return true;
  }
}
