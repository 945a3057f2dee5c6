package local.kinesis.sink;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import local.kinesis.client.Backoff;
import local.kinesis.client.Failures;
import local.kinesis.client.StreamClient;
import org.apache.flink.connector.base.sink.writer.ResultHandler;
import org.apache.flink.metrics.Counter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.services.kinesis.KinesisClient;
import software.amazon.awssdk.services.kinesis.model.PutRecordsRequestEntry;
import software.amazon.awssdk.services.kinesis.model.PutRecordsResponse;
import software.amazon.awssdk.services.kinesis.model.PutRecordsResultEntry;

/**
 * Sends batches on threads of its own. Records that were not taken go back to the writer after a wait, during which the
 * request still counts as one in flight: so the writer, and the operators before it, slow down.
 */
final class Sender implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Sender.class);
  private static final Backoff BACKOFF = new Backoff(Duration.ofMillis(100), Duration.ofSeconds(5));
  private static final int MAX_THREADS = 4;

  private final StreamClient stream;
  private final boolean failOnError;
  private final Counter errors;
  private final KinesisClient client;
  private final ScheduledExecutorService threads;
  private final AtomicInteger failures = new AtomicInteger();

  Sender(StreamClient stream, boolean failOnError, int inFlight, Counter errors) {
    this.stream = stream;
    this.failOnError = failOnError;
    this.errors = errors;
    this.client = stream.connect();
    this.threads = Executors.newScheduledThreadPool(Math.min(MAX_THREADS, inFlight));
  }

  void send(List<StreamEntry> entries, ResultHandler<StreamEntry> result) {
    threads.execute(() -> {
      try {
        complete(entries, put(entries), result);
      } catch (SdkException e) {
        fail(entries, e, result);
      } catch (RuntimeException e) {
        result.completeExceptionally(e);
      }
    });
  }

  private PutRecordsResponse put(List<StreamEntry> entries) {
    List<PutRecordsRequestEntry> records = entries.stream().map(entry -> PutRecordsRequestEntry.builder()
        .partitionKey(entry.key()).data(SdkBytes.fromByteArrayUnsafe(entry.data())).build()).toList();
    return client.putRecords(r -> r.streamARN(stream.arn()).records(records));
  }

  private void complete(List<StreamEntry> entries, PutRecordsResponse response, ResultHandler<StreamEntry> result) {
    List<StreamEntry> refused = new ArrayList<>();
    String reason = "";
    for (int i = 0; i < entries.size(); i++) {
      PutRecordsResultEntry answer = response.records().get(i);
      if (answer.errorCode() != null) {
        refused.add(entries.get(i));
        reason = answer.errorCode() + ": " + answer.errorMessage();
      }
    }
    if (refused.isEmpty()) {
      failures.set(0);
      result.complete();
      return;
    }
    count(refused.size());
    if (failOnError) {
      result.completeExceptionally(new IOException("%s refused %d of %d records: %s".formatted(
          stream.arn(), refused.size(), entries.size(), reason)));
    } else {
      sendAgain(refused, entries.size(), reason, result);
    }
  }

  private void fail(List<StreamEntry> entries, SdkException failure, ResultHandler<StreamEntry> result) {
    count(entries.size());
    if (failOnError || !Failures.isThrottle(failure) && !Failures.isOutage(failure)) {
      result.completeExceptionally(failure);
    } else {
      sendAgain(entries, entries.size(), failure.getMessage(), result);
    }
  }

  private void sendAgain(List<StreamEntry> refused, int of, String reason, ResultHandler<StreamEntry> result) {
    Duration wait = BACKOFF.after(failures.incrementAndGet());
    LOG.warn("{} of {} records go to {} again in {}: {}", refused.size(), of, stream.arn(), wait, reason);
    threads.schedule(() -> result.retryForEntries(refused), wait.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Flink's counters are for one thread. */
  private synchronized void count(int records) {
    errors.inc(records);
  }

  @Override
  public void close() {
    threads.shutdownNow();
    client.close();
  }
}
