package ecomm.flink;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonFactory;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.StreamReadConstraints;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.json.JsonReadFeature;
import org.apache.flink.table.data.RowData;

/**
 * Reads the JSON values of a record one after another: an object is a row, a list stands for its elements, and what
 * cannot be read is malformed up to where reading goes on.
 *
 * <p>The rule is that of docs/streaming.md. plugins/ecomm/streaming/json_values.py reads the archive by the same one.
 */
final class JsonValues {
  private static final int MAX_DEPTH = 500;
  /** No byte of a readable value, within a string or outside. */
  private static final byte UNREADABLE = 1;

  private final JsonFactory factory = JsonFactory.builder()
      .enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS)
      .streamReadConstraints(StreamReadConstraints.builder()
          .maxNestingDepth(MAX_DEPTH)
          .maxNumberLength(Integer.MAX_VALUE)
          .maxStringLength(Integer.MAX_VALUE)
          .maxNameLength(Integer.MAX_VALUE)
          .build())
      .build();
  private final ObjectRow row;

  JsonValues(ObjectRow row) {
    this.row = row;
  }

  /** Adds the rows of a record, and counts what is malformed in it. */
  void read(byte[] record, List<RowData> rows, MalformedRecords malformed) {
    byte[] text = readable(record);
    int start = skipBlanks(text, 0);
    while (start < text.length) {
      int end;
      try {
        end = readValue(text, start, rows, malformed);
      } catch (IOException | RuntimeException e) {
        end = endOfUnreadable(text, start);
        malformed.add(record, start, end, e);
      }
      start = skipBlanks(text, end);
    }
  }

  /** Returns where the value ends. Raises IOException, before it adds anything, if there is no whole value. */
  private int readValue(byte[] text, int start, List<RowData> rows, MalformedRecords malformed) throws IOException {
    if (text[start] != '{' && text[start] != '[') {
      throw new MisfitException("not a JSON object");
    }
    int end;
    try (JsonParser parser = factory.createParser(text, start, text.length - start)) {
      if (parser.nextToken() == JsonToken.START_OBJECT) {
        RowData read = null;
        MisfitException misfit = null;
        try {
          read = row.read(parser);
        } catch (MisfitException e) {
          misfit = e;
        }
        end = start + (int) parser.currentLocation().getByteOffset();
        if (misfit == null) {
          rows.add(read);
        } else {
          malformed.add(text, start, end, misfit);
        }
        return end;
      }
      Literals.skipChildren(parser);
      end = start + (int) parser.currentLocation().getByteOffset();
    }
    readElements(text, start, end, rows, malformed);
    return end;
  }

  /** Reads the elements of a list that is known to be whole. */
  private void readElements(byte[] text, int start, int end, List<RowData> rows, MalformedRecords malformed)
      throws IOException {
    try (JsonParser parser = factory.createParser(text, start, end - start)) {
      parser.nextToken();
      if (parser.nextToken() == JsonToken.END_ARRAY) {
        malformed.add(text, start, end, new MisfitException("an empty list"));
        return;
      }
      for (; parser.currentToken() != JsonToken.END_ARRAY; parser.nextToken()) {
        int element = start + (int) parser.currentTokenLocation().getByteOffset();
        try {
          if (parser.currentToken() != JsonToken.START_OBJECT) {
            parser.skipChildren();
            throw new MisfitException("an element of a list that is not an object");
          }
          rows.add(row.read(parser));
        } catch (MisfitException e) {
          malformed.add(text, element, start + (int) parser.currentLocation().getByteOffset(), e);
        }
      }
    }
  }

  /** The text after a line feed, unless that line goes on: indented, or the closing bracket of what was indented. */
  private static int endOfUnreadable(byte[] text, int start) {
    for (int i = start; i < text.length - 1; i++) {
      if (text[i] == '\n' && !continues(text, i + 1)) {
        return i + 1;
      }
    }
    return text.length;
  }

  private static boolean continues(byte[] text, int lineStart) {
    byte first = text[lineStart];
    if (first == '}' || first == ']') {
      return true;
    }
    int i = lineStart;
    while (i < text.length && (text[i] == ' ' || text[i] == '\t')) {
      i++;
    }
    return i > lineStart && (i == text.length || (text[i] != '{' && text[i] != '['));
  }

  private static int skipBlanks(byte[] text, int start) {
    int i = start;
    while (i < text.length) {
      byte b = text[i];
      if (b == ' ' || b == '\n' || b == '\r' || b == '\t') {
        i++;
      } else if (b == (byte) 0xEF && i + 2 < text.length && text[i + 1] == (byte) 0xBB && text[i + 2] == (byte) 0xBF) {
        i += 3;
      } else {
        break;
      }
    }
    return i;
  }

  /** The record, its bytes that are not UTF-8 made unreadable. Jackson itself lets pass some, and reads UTF-16. */
  private static byte[] readable(byte[] record) {
    for (byte b : record) {
      if (b <= 0) {
        return withoutOtherEncodings(record);
      }
    }
    return record;
  }

  private static byte[] withoutOtherEncodings(byte[] record) {
    byte[] text = record.clone();
    for (int i = 0; i < text.length; i++) {
      if (text[i] == 0) {
        text[i] = UNREADABLE;
      }
    }
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer in = ByteBuffer.wrap(text);
    CharBuffer out = CharBuffer.allocate(1024);
    while (true) {
      CoderResult result = decoder.decode(in, out, true);
      if (result.isUnderflow()) {
        return text;
      }
      out.clear();
      for (int left = result.isMalformed() ? result.length() : 0; left > 0; left--) {
        text[in.position()] = UNREADABLE;
        in.position(in.position() + 1);
      }
    }
  }
}
