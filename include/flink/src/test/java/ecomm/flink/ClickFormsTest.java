package ecomm.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.Charset;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.StreamSupport;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.JsonNode;
import org.apache.flink.shaded.jackson2.com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** Holds the stream to the table of forms, clicks.json, to which tests/plugins/streaming holds the archive. */
class ClickFormsTest {
  private static final ResolvedSchema SCHEMA = ResolvedSchema.of(
      Column.physical("event_time", DataTypes.VARCHAR(30)),
      Column.physical("event_type", DataTypes.VARCHAR(30)),
      Column.physical("product_id", DataTypes.BIGINT()),
      Column.physical("category_id", DataTypes.BIGINT()),
      Column.physical("category_code", DataTypes.VARCHAR(30)),
      Column.physical("brand", DataTypes.VARCHAR(30)),
      Column.physical("price", DataTypes.DOUBLE()),
      Column.physical("user_id", DataTypes.BIGINT().notNull()),
      Column.physical("user_session", DataTypes.VARCHAR(36)),
      Column.physical("txn_timestamp", DataTypes.TIMESTAMP_LTZ(3).notNull()));

  @TestFactory
  List<DynamicTest> forms() throws IOException {
    try (InputStream file = ClickFormsTest.class.getResourceAsStream("/clicks.json")) {
      return StreamSupport.stream(new ObjectMapper().readTree(file).spliterator(), false)
          .map(form -> DynamicTest.dynamicTest(form.get("form").asText(), () -> readsAs(form)))
          .toList();
    }
  }

  private static void readsAs(JsonNode form) {
    var values = new JsonValues(new ObjectRow((RowType) SCHEMA.toPhysicalRowDataType().getLogicalType()));
    var malformed = new MalformedSample();
    List<RowData> rows = new ArrayList<>();
    Charset charset = Charset.forName(form.path("encoding").asText("utf-8"));
    for (JsonNode record : form.get("records")) {
      values.read(record.asText().getBytes(charset), rows, malformed.records());
    }
    List<String> times = new ArrayList<>();
    form.get("times").forEach(time -> times.add(Instant.parse(time.asText()).toString()));
    assertEquals(times, rows.stream().map(row -> row.getTimestamp(9, 3).toInstant().toString()).toList());
    rows.forEach(row -> assertEquals(541312140L, row.getLong(7)));
    assertEquals(form.get("malformed").asInt(), malformed.count());
  }
}
