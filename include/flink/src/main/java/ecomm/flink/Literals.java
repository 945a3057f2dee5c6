package ecomm.flink;

import java.io.IOException;
import java.util.Set;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParseException;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;

/** Refuses the names of numbers that Jackson reads and Python's json module, by which the archive is read, does not. */
final class Literals {
  private static final Set<String> NAMES = Set.of("NaN", "Infinity", "-Infinity");

  private Literals() {}

  /** Raises JsonParseException if the parser's token is another name, such as +Infinity or INF. */
  static void check(JsonParser parser) throws IOException {
    if (parser.currentToken() == JsonToken.VALUE_NUMBER_FLOAT && parser.isNaN() && !NAMES.contains(parser.getText())) {
      throw new JsonParseException(parser, parser.getText() + " is no number of JSON");
    }
  }

  /** Skips the object or list that begins at the parser's token, and checks what is in it. */
  static void skipChildren(JsonParser parser) throws IOException {
    int depth = parser.currentToken().isStructStart() ? 1 : 0;
    while (depth > 0) {
      JsonToken token = parser.nextToken();
      if (token == null) {
        throw new JsonParseException(parser, "the end of the text within an object or a list");
      }
      check(parser);
      depth += token.isStructStart() ? 1 : token.isStructEnd() ? -1 : 0;
    }
  }
}
