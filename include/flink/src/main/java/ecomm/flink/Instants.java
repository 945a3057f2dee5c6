package ecomm.flink;

import java.time.DateTimeException;
import java.time.LocalDate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads a time that says its zone, as senders write it: ISO 8601 and its near relatives.
 *
 * <p>The rule is that of docs/streaming.md; plugins/ecomm/streaming/instants.py has the same.
 */
final class Instants {
  private static final Pattern TIME = Pattern.compile(
      "(\\d{4})-(\\d\\d)-(\\d\\d)[Tt ]([01]\\d|2[0-3]):([0-5]\\d)(?::([0-5]\\d)(?:[.,](\\d+))?)?"
          + " ?(?:[Zz]|UTC|GMT|([+-])(\\d\\d)(?::?([0-5]\\d))?)");
  private static final Pattern NUMBER = Pattern.compile("[+-]?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?");
  private static final int MAX_OFFSET_MINUTES = 18 * 60;
  private static final long FIRST = LocalDate.of(2000, 1, 1).toEpochDay() * 86_400_000;
  private static final long END = LocalDate.of(2100, 1, 1).toEpochDay() * 86_400_000;
  private static final String REMEDY = "; write a time of this century with its zone, such as 2026-11-24T00:00:00.123Z";

  private Instants() {}

  /** Milliseconds since 1970. Raises MisfitException, whose message has the value. */
  static long milliseconds(String text) throws MisfitException {
    Matcher time = TIME.matcher(text);
    if (!time.matches()) {
      throw new MisfitException(ColumnValue.shown(text) + fault(text) + REMEDY);
    }
    try {
      long day = LocalDate.of(number(time, 1), number(time, 2), number(time, 3)).toEpochDay();
      long minutes = day * 1440 + number(time, 4) * 60 + number(time, 5) - offset(time);
      long result = minutes * 60_000 + number(time, 6) * 1000 + fraction(time.group(7));
      if (FIRST <= result && result < END) {
        return result;
      }
    } catch (DateTimeException e) {
      // Said below.
    }
    throw new MisfitException(ColumnValue.shown(text) + " is not a time" + REMEDY);
  }

  private static String fault(String text) {
    if (NUMBER.matcher(text).matches()) {
      return " is a number";
    }
    return TIME.matcher(text + "Z").matches() ? " has no zone" : " is not a time with a zone";
  }

  private static int number(Matcher time, int group) {
    int start = time.start(group);
    return start < 0 ? 0 : Integer.parseInt(time.group(group));
  }

  private static int offset(Matcher time) {
    int minutes = number(time, 9) * 60 + number(time, 10);
    if (minutes > MAX_OFFSET_MINUTES) {
      throw new DateTimeException("an offset of more than 18 hours");
    }
    return "-".equals(time.group(8)) ? -minutes : minutes;
  }

  private static int fraction(String digits) {
    return digits == null ? 0 : Integer.parseInt((digits + "00").substring(0, 3));
  }
}
