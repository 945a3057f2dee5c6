package ecomm.flink;

import java.io.IOException;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.table.types.logical.RowType;

/**
 * Whether a record is one JSON object, in UTF-8, whose values a row type can hold as they are.
 *
 * <p>Flink's json format alone is not strict enough for counting. It takes 1.9 for a BIGINT (as 1) and 1e999 for a
 * DOUBLE, makes false of "perhaps" and null of a decimal that is too large, gives a row for each element of an array,
 * ignores what follows the object, leaves columns null after a repeated key, and does not look at NOT NULL.
 */
final class JsonFit implements Serializable {
  private final ValueFit row;
  private transient JsonFactory factory;

  JsonFit(RowType type) {
    row = ValueFit.of(type);
  }

  /**
   * Raises where the record does not fit.
   *
   * @throws IOException that says in its message what is wrong
   */
  void check(byte[] record) throws IOException {
    checkUtf8(record);
    if (factory == null) {
      factory = new JsonFactory();
    }
    try (JsonParser parser = factory.createParser(record)) {
      if (parser.nextToken() == null) {
        throw new MisfitException("the record is empty");
      }
      row.check(parser);
      if (parser.nextToken() != null) {
        throw new MisfitException("something follows the JSON object");
      }
    }
  }

  /** Jackson itself lets pass what it does not decode, and over-long forms. */
  private static void checkUtf8(byte[] record) throws MisfitException {
    for (byte b : record) {
      if (b < 0) {
        try {
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(record));
          return;
        } catch (CharacterCodingException e) {
          throw new MisfitException("the record is not UTF-8");
        }
      }
    }
  }
}
