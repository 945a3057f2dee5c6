package ecomm.flink;

import java.io.IOException;

/** A record that does not fit the table; the message says why. Without a stack trace, as a flood may be of these. */
final class MisfitException extends IOException {
  MisfitException(String reason) {
    super(reason);
  }

  /** The same, said of a column. */
  MisfitException of(String column) {
    return new MisfitException(column + ": " + getMessage());
  }

  @Override
  public synchronized Throwable fillInStackTrace() {
    return this;
  }
}
