package local.kinesis.client;

import java.io.IOException;
import org.apache.flink.util.ExceptionUtils;
import software.amazon.awssdk.core.exception.ApiCallAttemptTimeoutException;
import software.amazon.awssdk.core.exception.ApiCallTimeoutException;
import software.amazon.awssdk.core.exception.SdkServiceException;
import software.amazon.awssdk.services.kinesis.model.LimitExceededException;
import software.amazon.awssdk.services.kinesis.model.ProvisionedThroughputExceededException;

/** Which failures of a request pass when one waits. */
public final class Failures {
  private Failures() {}

  /** More was asked than the stream allows: the same request succeeds later. */
  public static boolean isThrottle(Throwable failure) {
    return failure instanceof ProvisionedThroughputExceededException
        || failure instanceof LimitExceededException
        || failure instanceof SdkServiceException service && service.isThrottlingException();
  }

  /** The service or the way to it is in trouble: the same request may succeed later. */
  public static boolean isOutage(Throwable failure) {
    return failure instanceof SdkServiceException service && service.statusCode() >= 500
        || failure instanceof ApiCallTimeoutException
        || failure instanceof ApiCallAttemptTimeoutException
        || ExceptionUtils.findThrowable(failure, IOException.class).isPresent();
  }
}
