package ecomm.flink;

import java.io.IOException;
import java.io.Serializable;
import java.math.BigDecimal;
import java.time.LocalDate;
import java.time.format.DateTimeParseException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.table.types.logical.ArrayType;
import org.apache.flink.table.types.logical.DecimalType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.LogicalTypeRoot;
import org.apache.flink.table.types.logical.MapType;
import org.apache.flink.table.types.logical.MultisetType;
import org.apache.flink.table.types.logical.RowType;

/**
 * Whether a JSON value fits an SQL type. It refuses what Flink's json would change. What that refuses
 * itself is left to it.
 */
@FunctionalInterface
interface ValueFit extends Serializable {
  int DAY_LENGTH = "2026-11-24".length();

  /** Reads the value that begins at the parser's token, to its end; raises where it does not fit. */
  void check(JsonParser parser) throws IOException;

  static ValueFit of(LogicalType type) {
    ValueFit value = ofPresent(type);
    boolean nullable = type.isNullable();
    return parser -> {
      if (parser.currentToken() != JsonToken.VALUE_NULL) {
        value.check(parser);
      } else if (!nullable) {
        throw new MisfitException("null in a NOT NULL column");
      }
    };
  }

  private static ValueFit ofPresent(LogicalType type) {
    return switch (type.getTypeRoot()) {
      case ROW -> new RowFit((RowType) type);
      case ARRAY -> elements(of(((ArrayType) type).getElementType()));
      case MAP -> values(of(((MapType) type).getValueType()));
      case MULTISET -> values(scalar(ValueFit::whole));
      case TINYINT, SMALLINT, INTEGER, BIGINT, INTERVAL_YEAR_MONTH, INTERVAL_DAY_TIME -> scalar(ValueFit::whole);
      case BOOLEAN -> scalar(ValueFit::bool);
      case FLOAT, DOUBLE -> scalar(finite(type.is(LogicalTypeRoot.FLOAT)));
      case DECIMAL -> scalar(exact((DecimalType) type));
      case TIMESTAMP_WITHOUT_TIME_ZONE, TIMESTAMP_WITH_LOCAL_TIME_ZONE -> scalar(ValueFit::day);
      default -> scalar(parser -> {});
    };
  }

  private static ValueFit scalar(ValueFit value) {
    return parser -> {
      if (parser.currentToken().isStructStart()) {
        throw new MisfitException("an object or an array instead of one value");
      }
      value.check(parser);
    };
  }

  private static void whole(JsonParser parser) throws IOException {
    if (parser.currentToken() == JsonToken.VALUE_NUMBER_FLOAT) {
      throw new MisfitException(parser.getText() + " is not a whole number without an exponent");
    }
  }

  private static void bool(JsonParser parser) throws IOException {
    String text = parser.getText().trim();
    if (!text.equalsIgnoreCase("true") && !text.equalsIgnoreCase("false")) {
      throw new MisfitException(text + " is neither true nor false");
    }
  }

  private static ValueFit finite(boolean single) {
    return parser -> {
      boolean numeric = parser.currentToken().isNumeric();
      double value = numeric ? parser.getDoubleValue() : number(parser.getText().trim()).doubleValue();
      if (!Double.isFinite(single ? (float) value : value)) {
        throw new MisfitException(parser.getText() + " is too large");
      }
    };
  }

  /** Rounding is a loss too. The digits are counted and not computed: 1e999999999 would fill the memory. */
  private static ValueFit exact(DecimalType type) {
    return parser -> {
      BigDecimal value = number(parser.getText().trim()).stripTrailingZeros();
      if (value.scale() > type.getScale()
          || (long) value.precision() - value.scale() > type.getPrecision() - type.getScale()) {
        throw new MisfitException(parser.getText() + " does not fit " + type.asSummaryString());
      }
    };
  }

  /** Flink takes 30 February for 28 February. The rest of a time it reads strictly. */
  private static void day(JsonParser parser) throws IOException {
    String text = parser.getText();
    try {
      LocalDate.parse(text.substring(0, Math.min(text.length(), DAY_LENGTH)));
    } catch (DateTimeParseException e) {
      throw new MisfitException(text + " is not a time");
    }
  }

  private static BigDecimal number(String text) throws MisfitException {
    try {
      return new BigDecimal(text);
    } catch (NumberFormatException e) {
      throw new MisfitException(text + " is not a number");
    }
  }

  private static ValueFit elements(ValueFit element) {
    return parser -> {
      expect(parser, JsonToken.START_ARRAY, "an array");
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        element.check(parser);
      }
    };
  }

  private static ValueFit values(ValueFit value) {
    return parser -> {
      expect(parser, JsonToken.START_OBJECT, "an object");
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        parser.nextToken();
        value.check(parser);
      }
    };
  }

  static void expect(JsonParser parser, JsonToken token, String what) throws IOException {
    if (parser.currentToken() != token) {
      throw new MisfitException("not " + what);
    }
  }
}
