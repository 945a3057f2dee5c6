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

  /** Counts the text from {@code start} to {@code end} of a record. */
  void add(byte[] record, int start, int end, Exception reason) {
    counter.inc();
    if (sample.next(System.nanoTime())) {
      int length = end - start;
      String beginning = new String(record, start, Math.min(length, SHOWN_BYTES), StandardCharsets.UTF_8);
      LOG.warn("Malformed record dropped, {} so far: {}. It has {} bytes and begins with: {}",
          counter.getCount(), reasonOf(reason), length, beginning);
    }
  }

  /** Jackson's messages go on with the place, over several lines. */
  private static String reasonOf(Exception reason) {
    String message = reason.getMessage();
    return message == null ? reason.getClass().getSimpleName() : message.lines().findFirst().orElse(message);
  }
}
