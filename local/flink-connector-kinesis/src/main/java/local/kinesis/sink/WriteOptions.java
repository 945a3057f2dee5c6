package local.kinesis.sink;

import java.io.Serializable;
import java.time.Duration;

/**
 * How records are sent.
 *
 * @param batch most records of one PutRecords
 * @param inFlight most requests at one time
 * @param buffered most records that wait; then the sink holds back the operators before it
 * @param flushBytes size at which waiting records are sent
 * @param flushAfter age at which waiting records are sent
 * @param failOnError whether any failure fails the job instead of being tried again
 */
public record WriteOptions(
    int batch, int inFlight, int buffered, long flushBytes, Duration flushAfter, boolean failOnError)
    implements Serializable {}
