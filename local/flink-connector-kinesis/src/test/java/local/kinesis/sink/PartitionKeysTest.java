package local.kinesis.sink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.util.List;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.VarCharType;
import org.junit.jupiter.api.Test;

class PartitionKeysTest {
  private static final PartitionKeys COLUMNS = new PartitionKeys.Columns(
      List.of(RowData.createFieldGetter(new BigIntType(), 0), RowData.createFieldGetter(VarCharType.STRING_TYPE, 1)),
      "|");

  @Test
  void joinsTheColumns() {
    assertEquals("7|view", COLUMNS.of(GenericRowData.of(7L, StringData.fromString("view")), 0));
    assertEquals("null|view", COLUMNS.of(GenericRowData.of(null, StringData.fromString("view")), 0));
  }

  @Test
  void staysWithinWhatKinesisTakes() {
    assertEquals(256, COLUMNS.of(GenericRowData.of(7L, StringData.fromString("x".repeat(1000))), 0).length());
    var one = new PartitionKeys.Columns(List.of(RowData.createFieldGetter(VarCharType.STRING_TYPE, 0)), "");
    assertEquals(1, one.of(GenericRowData.of(StringData.fromString("")), 0).length());
  }

  @Test
  void spreadsOrKeepsRowsWithoutColumns() {
    RowData row = GenericRowData.of(7L, null);
    assertNotEquals(new PartitionKeys.Random().of(row, 3), new PartitionKeys.Random().of(row, 3));
    assertEquals("3", new PartitionKeys.Fixed().of(row, 3));
  }
}
