package ecomm.flink;

import java.io.IOException;
import java.io.Serializable;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.logical.LogicalType;

/**
 * Reads a JSON value as the value of a column, whether it was sent as a number or as a string.
 *
 * <p>A column that is NOT NULL refuses what it cannot hold. Another is null then: the counts do not need it, and the
 * conversion of the archive sets such a row aside with its reason.
 */
final class ColumnValue implements Serializable {
  private static final int MAX_SHOWN = 100;

  /** Reads a value's text; raises MisfitException for what the column cannot hold. */
  @FunctionalInterface
  private interface Reader extends Serializable {
    Object read(String text) throws MisfitException;
  }

  private final Reader reader;
  private final boolean required;

  private ColumnValue(Reader reader, boolean required) {
    this.reader = reader;
    this.required = required;
  }

  static ColumnValue of(String name, LogicalType type) {
    Reader reader = switch (type.getTypeRoot()) {
      case CHAR, VARCHAR -> StringData::fromString;
      case BIGINT -> ColumnValue::whole;
      case DOUBLE -> ColumnValue::finite;
      case TIMESTAMP_WITH_LOCAL_TIME_ZONE -> text -> TimestampData.fromEpochMillis(Instants.milliseconds(text));
      default -> throw new ValidationException(
          "counted-json reads columns of text, BIGINT, DOUBLE and TIMESTAMP_LTZ; column %s is %s. Declare it as one."
              .formatted(name, type.asSummaryString()));
    };
    return new ColumnValue(reader, !type.isNullable());
  }

  boolean required() {
    return required;
  }

  /** The value at the parser's token, or null. Raises MisfitException. */
  Object read(JsonParser parser) throws IOException {
    JsonToken token = parser.currentToken();
    if (token.isStructStart()) {
      throw new MisfitException("an object or a list instead of one value");
    }
    if (token == JsonToken.VALUE_NULL || (token == JsonToken.VALUE_NUMBER_FLOAT && parser.isNaN())) {
      return null;
    }
    String text = parser.getText();
    try {
      return reader.read(text);
    } catch (MisfitException e) {
      if (required) {
        throw e;
      }
      return null;
    }
  }

  /** The text as a sentence shows it. */
  static String shown(String text) {
    return text.length() <= MAX_SHOWN ? text : text.substring(0, MAX_SHOWN) + "...";
  }

  private static Long whole(String text) throws MisfitException {
    String digits = text.trim();
    try {
      if (digits.chars().allMatch(c -> c < 128)) {
        return Long.valueOf(digits);
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw new MisfitException(shown(text) + " is not a whole number of 64 bits, written as digits alone");
  }

  private static Double finite(String text) throws MisfitException {
    try {
      double value = Double.parseDouble(text);
      if (Double.isFinite(value)) {
        return value;
      }
    } catch (NumberFormatException e) {
      // Said below.
    }
    throw new MisfitException(shown(text) + " is not a number");
  }
}
