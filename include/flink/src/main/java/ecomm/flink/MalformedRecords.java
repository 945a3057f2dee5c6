package ecomm.flink;

import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Counts malformed records in the metric {@code malformedRecords} and logs some of them. */
final class MalformedRecords {
  static final String METRIC = "malformedRecords";
  /** Managed Flink gives CloudWatch the metrics of an application's own that are in this group, and no others. */
  static final String GROUP = "kinesisanalytics";
  private static final Logger LOG = LoggerFactory.getLogger(MalformedRecords.class);
  private static final int SHOWN_BYTES = 200;

  private final Counter counter;
  private final LogSample sample = new LogSample(5, TimeUnit.MINUTES.toNanos(1));

  MalformedRecords(MetricGroup metrics) {
    counter = metrics.addGroup(GROUP).counter(METRIC);
  }

  void add(byte[] record, Exception reason) {
    counter.inc();
    if (sample.next(System.nanoTime())) {
      String start = new String(record, 0, Math.min(record.length, SHOWN_BYTES), StandardCharsets.UTF_8);
      LOG.warn("Malformed record dropped, {} so far: {}. It has {} bytes and begins with: {}",
          counter.getCount(), reasonOf(reason), record.length, start);
    }
  }

  /** Flink's decoder repeats the whole record in its own message and tells the reason in the cause's. */
  private static String reasonOf(Throwable reason) {
    Throwable cause = reason.getCause() == null ? reason : reason.getCause();
    String message = cause.getMessage();
    return message == null ? cause.getClass().getSimpleName() : message.lines().findFirst().orElse(message);
  }
}
