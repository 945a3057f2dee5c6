package ecomm.flink;

import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.SimpleCounter;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;

/** Keeps the counter of {@link MalformedRecords}, from the only group that Managed Flink reports to CloudWatch. */
final class MalformedSample {
  private final Counter counter = new SimpleCounter();
  private final MalformedRecords records = new MalformedRecords(group(""));

  MalformedRecords records() {
    return records;
  }

  long count() {
    return counter.getCount();
  }

  MetricGroup group(String path) {
    return new UnregisteredMetricsGroup() {
      @Override
      public Counter counter(String name) {
        return (path + name).equals("kinesisanalytics.malformedRecords") ? counter : new SimpleCounter();
      }

      @Override
      public MetricGroup addGroup(String name) {
        return group(path + name + ".");
      }
    };
  }
}
