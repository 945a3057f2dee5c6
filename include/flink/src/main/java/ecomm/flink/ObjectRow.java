package ecomm.flink;

import java.io.IOException;
import java.io.Serializable;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.JsonParser;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;

/** Reads a JSON object as a row: each column once, none missing that is NOT NULL; keys that are no columns are skipped. */
final class ObjectRow implements Serializable {
  private final Map<String, Integer> positions = new HashMap<>();
  private final String[] names;
  private final ColumnValue[] values;

  ObjectRow(RowType type) {
    names = type.getFieldNames().toArray(String[]::new);
    values = new ColumnValue[names.length];
    for (int i = 0; i < names.length; i++) {
      positions.put(names[i], i);
      values[i] = ColumnValue.of(names[i], type.getTypeAt(i));
    }
  }

  /**
   * Reads the object that begins at the parser's token, to its end in any case.
   *
   * @throws MisfitException if the object is whole and no row
   */
  RowData read(JsonParser parser) throws IOException {
    GenericRowData row = new GenericRowData(names.length);
    boolean[] seen = new boolean[names.length];
    MisfitException misfit = null;
    for (String key = parser.nextFieldName(); key != null; key = parser.nextFieldName()) {
      parser.nextToken();
      Literals.check(parser);
      Integer position = positions.get(key);
      if (position == null) {
        Literals.skipChildren(parser);
        continue;
      }
      try {
        if (seen[position]) {
          throw new MisfitException("more than once in one object");
        }
        seen[position] = true;
        row.setField(position, values[position].read(parser));
      } catch (MisfitException e) {
        misfit = misfit == null ? e.of(key) : misfit;
        Literals.skipChildren(parser);
      }
    }
    for (int i = 0; misfit == null && i < names.length; i++) {
      if (values[i].required() && row.isNullAt(i)) {
        misfit = new MisfitException("missing").of(names[i]);
      }
    }
    if (misfit != null) {
      throw misfit;
    }
    return row;
  }
}
