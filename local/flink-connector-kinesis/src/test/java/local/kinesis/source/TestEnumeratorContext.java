package local.kinesis.source;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.Callable;
import java.util.function.BiConsumer;
import org.apache.flink.api.connector.source.ReaderInfo;
import org.apache.flink.api.connector.source.SourceEvent;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.api.connector.source.SplitsAssignment;
import org.apache.flink.metrics.groups.SplitEnumeratorMetricGroup;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;

/** The coordinator of a test: asynchronous calls run when the test says so; what goes to readers is kept. */
final class TestEnumeratorContext implements SplitEnumeratorContext<ShardSplit> {
  final Map<Integer, List<ShardSplit>> assigned = new HashMap<>();
  final Map<Integer, List<SourceEvent>> sent = new HashMap<>();
  private final int parallelism;
  private final Map<Integer, ReaderInfo> readers = new HashMap<>();
  private final Queue<Runnable> pending = new ArrayDeque<>();
  private Runnable periodic;

  TestEnumeratorContext(int parallelism) {
    this.parallelism = parallelism;
  }

  void register(int reader) {
    readers.put(reader, new ReaderInfo(reader, "here"));
  }

  void unregister(int reader) {
    readers.remove(reader);
  }

  /** Runs the discovery that is due at each interval. */
  void discover() {
    periodic.run();
  }

  /** Runs what was called once. */
  void runPending() {
    while (!pending.isEmpty()) {
      pending.poll().run();
    }
  }

  private static <T> Runnable call(Callable<T> callable, BiConsumer<T, Throwable> handler) {
    return () -> {
      T value;
      try {
        value = callable.call();
      } catch (Exception e) {
        handler.accept(null, e);
        return;
      }
      handler.accept(value, null);
    };
  }

  @Override
  public <T> void callAsync(Callable<T> callable, BiConsumer<T, Throwable> handler) {
    pending.add(call(callable, handler));
  }

  @Override
  public <T> void callAsync(
      Callable<T> callable, BiConsumer<T, Throwable> handler, long initialDelayMillis, long periodMillis) {
    periodic = call(callable, handler);
  }

  @Override
  public void assignSplits(SplitsAssignment<ShardSplit> assignment) {
    assignment.assignment().forEach(
        (reader, splits) -> assigned.computeIfAbsent(reader, r -> new ArrayList<>()).addAll(splits));
  }

  @Override
  public void sendEventToSourceReader(int reader, SourceEvent event) {
    sent.computeIfAbsent(reader, r -> new ArrayList<>()).add(event);
  }

  @Override
  public int currentParallelism() {
    return parallelism;
  }

  @Override
  public Map<Integer, ReaderInfo> registeredReaders() {
    return readers;
  }

  @Override
  public SplitEnumeratorMetricGroup metricGroup() {
    return UnregisteredMetricsGroup.createSplitEnumeratorMetricGroup();
  }

  @Override
  public void signalNoMoreSplits(int reader) {
    throw new UnsupportedOperationException("A stream has no end.");
  }

  @Override
  public void runInCoordinatorThread(Runnable runnable) {
    runnable.run();
  }
}
