package ecomm.flink;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonToken;
import org.apache.flink.table.types.logical.RowType;

/** A JSON object for a row: each column once, none missing that is NOT NULL; keys that are no columns are skipped. */
final class RowFit implements ValueFit {
  private final Map<String, Integer> positions = new HashMap<>();
  private final String[] names;
  private final ValueFit[] fits;
  private final boolean[] required;

  RowFit(RowType type) {
    names = type.getFieldNames().toArray(String[]::new);
    fits = type.getChildren().stream().map(ValueFit::of).toArray(ValueFit[]::new);
    required = new boolean[names.length];
    for (int i = 0; i < names.length; i++) {
      positions.put(names[i], i);
      required[i] = !type.getTypeAt(i).isNullable();
    }
  }

  @Override
  public void check(JsonParser parser) throws IOException {
    ValueFit.expect(parser, JsonToken.START_OBJECT, "an object");
    boolean[] seen = new boolean[names.length];
    for (String key = parser.nextFieldName(); key != null; key = parser.nextFieldName()) {
      parser.nextToken();
      Integer position = positions.get(key);
      if (position == null) {
        parser.skipChildren();
      } else if (seen[position]) {
        throw new MisfitException(key + ": more than once in one object");
      } else {
        seen[position] = true;
        checkColumn(position, parser);
      }
    }
    for (int i = 0; i < names.length; i++) {
      if (required[i] && !seen[i]) {
        throw new MisfitException(names[i] + ": missing, and the column is NOT NULL");
      }
    }
  }

  private void checkColumn(int position, JsonParser parser) throws IOException {
    try {
      fits[position].check(parser);
    } catch (MisfitException e) {
      throw e.of(names[position]);
    }
  }
}
