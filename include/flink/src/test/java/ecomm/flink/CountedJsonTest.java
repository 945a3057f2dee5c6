package ecomm.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.functions.util.ListCollector;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.SimpleCounter;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.catalog.Column;
import org.apache.flink.table.catalog.ResolvedSchema;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.factories.TestDynamicTableFactory;
import org.apache.flink.table.factories.utils.FactoryMocks;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.util.InstantiationUtil;
import org.apache.flink.util.UserCodeClassLoader;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CountedJsonTest {
  private static final ResolvedSchema SCHEMA = ResolvedSchema.of(
      Column.physical("user_id", DataTypes.BIGINT().notNull()),
      Column.physical("txn_timestamp", DataTypes.TIMESTAMP_LTZ(3).notNull()),
      Column.physical("category_id", DataTypes.BIGINT()),
      Column.physical("price", DataTypes.DOUBLE()),
      Column.physical("brand", DataTypes.STRING()),
      Column.physical("paid", DataTypes.DECIMAL(10, 2)),
      Column.physical("returning", DataTypes.BOOLEAN()),
      Column.physical("quantity", DataTypes.INT()),
      Column.physical("weight", DataTypes.FLOAT()),
      Column.physical("tags", DataTypes.ARRAY(DataTypes.INT())),
      Column.physical("counts", DataTypes.MAP(DataTypes.STRING(), DataTypes.BIGINT())),
      Column.physical("place", DataTypes.ROW(
          DataTypes.FIELD("zip", DataTypes.STRING().notNull()), DataTypes.FIELD("floor", DataTypes.INT()))));
  private static final int PLACE = SCHEMA.getColumnCount() - 1;

  private final Map<String, Counter> counters = new HashMap<>();
  private DeserializationSchema<RowData> decoder;

  @BeforeEach
  void openDecoder() throws Exception {
    openDecoder(Map.of("counted-json.timestamp-format.standard", "ISO-8601"));
  }

  private static DynamicTableSource table(Map<String, String> formatOptions) {
    Map<String, String> options = new HashMap<>(formatOptions);
    options.putAll(Map.of("connector", "test-connector", "target", "none", "format", "counted-json"));
    return FactoryMocks.createTableSource(SCHEMA, options);
  }

  private void openDecoder(Map<String, String> formatOptions) throws Exception {
    var format = ((TestDynamicTableFactory.DynamicTableSourceMock) table(formatOptions)).valueFormat;
    // By way of bytes, as it comes to the cluster.
    decoder = InstantiationUtil.clone(
        format.createRuntimeDecoder(new SourceContext(), SCHEMA.toPhysicalRowDataType()));
    decoder.open(new DeserializationSchema.InitializationContext() {
      @Override
      public MetricGroup getMetricGroup() {
        return group("");
      }

      @Override
      public UserCodeClassLoader getUserCodeClassLoader() {
        throw new UnsupportedOperationException();
      }
    });
  }

  /** Keeps counters under their names with those of their groups before. */
  private MetricGroup group(String groups) {
    return new UnregisteredMetricsGroup() {
      @Override
      public Counter counter(String name) {
        return counters.computeIfAbsent(groups + name, n -> new SimpleCounter());
      }

      @Override
      public MetricGroup addGroup(String name) {
        return group(groups + name + ".");
      }
    };
  }

  /** From the only group of which Managed Flink tells CloudWatch. */
  private long malformed() {
    return counters.get("kinesisanalytics.malformedRecords").getCount();
  }

  private RowData decode(byte[] record) throws IOException {
    List<RowData> rows = new ArrayList<>();
    decoder.deserialize(record, new ListCollector<>(rows));
    assertTrue(rows.size() <= 1, () -> rows.size() + " rows of one record");
    return rows.isEmpty() ? null : rows.get(0);
  }

  private RowData decode(String record) throws IOException {
    return decode(record.getBytes(StandardCharsets.UTF_8));
  }

  /** A good record with one key more. */
  private static String click(String key) {
    return """
        {"user_id": 541312140, "txn_timestamp": "2026-11-24T00:00:00.123Z"%s}"""
        .formatted(key.isEmpty() ? "" : ", " + key);
  }

  private void assertMalformed(String record) throws IOException {
    assertNull(decode(record), record);
    assertEquals(1, malformed(), record);
    assertEquals(541312140L, decode(click("")).getLong(0), "the record after it");
    assertEquals(1, malformed());
  }

  @Test
  void decodesARecord() throws IOException {
    RowData row = decode(click("""
        "category_id": 2053013555631882655, "price": 9.5, "brand": "löwe", "paid": 12.30, "returning": true,
        "quantity": 3, "weight": 1.5, "tags": [1, 2], "counts": {"a": 1}, "place": {"zip": "10115", "floor": null},
        "unknown": {"deep": [1.5]}, "event_type": "view"
        """));
    assertEquals(541312140L, row.getLong(0));
    assertEquals(TimestampData.fromEpochMillis(1795478400123L), row.getTimestamp(1, 3));
    assertEquals(2053013555631882655L, row.getLong(2));
    assertEquals(9.5, row.getDouble(3));
    assertEquals("löwe", row.getString(4).toString());
    assertEquals("12.30", row.getDecimal(5, 10, 2).toString());
    assertTrue(row.getBoolean(6));
    assertEquals("10115", row.getRow(PLACE, 2).getString(0).toString());
    assertEquals(0, malformed());
  }

  @Test
  void leavesNullableColumnsNullWhereTheKeyIsMissingOrNull() throws IOException {
    RowData row = decode(click("\"brand\": null, \"category_id\": null"));
    for (int i = 2; i < row.getArity(); i++) {
      assertTrue(row.isNullAt(i), "column " + i);
    }
    assertEquals(0, malformed());
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "", " ", "\n", "null", "7", "\"text\"", "true", "[]", "click", "{", "{\"user_id\": 1", "{\"user_id\" 1}", "{}}",
      "<click/>", "{'user_id': 1}", "user_id,txn_timestamp"})
  void dropsWhatIsNoJsonObject(String record) throws IOException {
    assertMalformed(record);
  }

  @Test
  void dropsAnArrayOfRecordsAndASecondRecord() throws IOException {
    assertMalformed("[" + click("") + "]");
    assertNull(decode(click("") + click("")));
    assertNull(decode(click("") + " x"));
    assertEquals(3, malformed());
  }

  @Test
  void takesSpaceAroundTheObject() throws IOException {
    assertEquals(541312140L, decode("\n " + click("") + "\r\n").getLong(0));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '~', value = {
      "{\"txn_timestamp\": \"2026-11-24T00:00:00Z\"}",
      "{\"user_id\": 1}",
      "{\"user_id\": null, \"txn_timestamp\": \"2026-11-24T00:00:00Z\"}",
      "{\"user_id\": 1, \"txn_timestamp\": null}",
      "{\"USER_ID\": 1, \"txn_timestamp\": \"2026-11-24T00:00:00Z\"}",
      "{}"})
  void dropsNullInANotNullColumn(String record) throws IOException {
    assertMalformed(record);
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "\"user_id\": 2", // a second time
      "\"category_id\": 2.053013555631882655e18",
      "\"category_id\": 1e3",
      "\"category_id\": 1.0",
      "\"category_id\": 9223372036854775808",
      "\"category_id\": -9223372036854775809",
      "\"category_id\": 99999999999999999999999999",
      "\"category_id\": \"2053013555631882655x\"",
      "\"category_id\": \"\"",
      "\"category_id\": true",
      "\"category_id\": [1]",
      "\"category_id\": {\"id\": 1}",
      "\"category_id\": 007",
      "\"category_id\": NaN",
      "\"quantity\": 2147483648",
      "\"quantity\": 1.5",
      "\"price\": 1e999",
      "\"price\": -1e999",
      "\"price\": \"NaN\"",
      "\"price\": \"free\"",
      "\"price\": \"\"",
      "\"price\": false",
      "\"price\": [9.5]",
      "\"weight\": 1e39",
      "\"paid\": 123456789.01",
      "\"paid\": 1.001",
      "\"paid\": 1e999999999",
      "\"paid\": 1e-999999999",
      "\"paid\": \"much\"",
      "\"returning\": \"perhaps\"",
      "\"returning\": 1",
      "\"brand\": {\"name\": \"apple\"}",
      "\"brand\": [\"apple\"]",
      "\"brand\": \"a\tb\"",
      "\"tags\": 1",
      "\"tags\": [1.5]",
      "\"tags\": {\"a\": 1}",
      "\"counts\": [1]",
      "\"counts\": {\"a\": 1.5}",
      "\"place\": \"10115\"",
      "\"place\": {\"floor\": 1}",
      "\"place\": {\"zip\": null}",
      "\"place\": {\"zip\": \"10115\", \"floor\": 1.5}"})
  void dropsWhatDoesNotFitItsColumn(String key) throws IOException {
    assertMalformed(click(key));
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "", "yesterday", "2026-11-24", "2026-11-24 00:00:00Z", "2026-11-24T00:00:00", "2026-11-24T00:00:00+02:00",
      "2026-13-24T00:00:00Z", "2026-11-24T25:00:00Z", "2026-02-30T00:00:00Z"})
  void dropsATimeThatIsNone(String time) throws IOException {
    assertMalformed("{\"user_id\": 1, \"txn_timestamp\": \"" + time + "\"}");
  }

  @Test
  void dropsATimeThatIsANumber() throws IOException {
    assertMalformed("{\"user_id\": 1, \"txn_timestamp\": 1795478400123}");
  }

  /** What Flink's json reads without a loss is left to it. */
  @ParameterizedTest
  @CsvSource(delimiter = '~', value = {
      "\"category_id\": \"2053013555631882655\" ~ 2", "\"price\": 9 ~ 3", "\"price\": \"9.5\" ~ 3", "\"brand\": 7 ~ 4",
      "\"paid\": \"1.10\" ~ 5", "\"paid\": 1.100 ~ 5", "\"paid\": 0e99 ~ 5", "\"returning\": \"TRUE\" ~ 6"})
  void takesAnotherWayToWriteAValue(String key, int column) throws IOException {
    assertFalse(decode(click(key)).isNullAt(column), key);
    assertEquals(0, malformed());
  }

  @Test
  void dropsWhatIsNoUtf8() throws IOException {
    byte[] latin = click("\"brand\": \"löwe\"").getBytes(StandardCharsets.ISO_8859_1);
    byte[] overlong = click("\"unknown\": \"??\"").getBytes(StandardCharsets.ISO_8859_1);
    int at = new String(overlong, StandardCharsets.ISO_8859_1).indexOf('?');
    overlong[at] = (byte) 0xC0;
    overlong[at + 1] = (byte) 0x80;
    assertNull(decode(latin));
    assertNull(decode(overlong));
    assertNull(decode(new byte[] {(byte) 0xFF, (byte) 0xFE}));
    assertNull(decode((byte[]) null));
    assertEquals(4, malformed());
  }

  @Test
  void dropsWhatIsNestedWithoutEnd() throws IOException {
    assertMalformed(click("\"unknown\": " + "[".repeat(100_000)));
  }

  @Test
  void saysWhatIsWrongWithTheColumn() {
    JsonFit fit = new JsonFit((RowType) SCHEMA.toPhysicalRowDataType().getLogicalType());
    assertEquals("place: floor: 1.5 is not a whole number without an exponent", assertThrows(MisfitException.class,
        () -> fit.check(click("\"place\": {\"zip\": \"\", \"floor\": 1.5}").getBytes(StandardCharsets.UTF_8)))
        .getMessage());
    assertEquals("user_id: missing, and the column is NOT NULL", assertThrows(MisfitException.class,
        () -> fit.check("{}".getBytes(StandardCharsets.UTF_8))).getMessage());
  }

  @Test
  void takesTheOptionsOfJsonUnderItsOwnName() throws Exception {
    openDecoder(Map.of("counted-json.fail-on-missing-field", "true"));
    String sqlTime = "{\"user_id\": 1, \"txn_timestamp\": \"2026-11-24 00:00:00Z\"";
    assertNull(decode(sqlTime + "}"));
    assertEquals(1, malformed());
    openDecoder(Map.of("counted-json.timestamp-format.standard", "SQL"));
    assertEquals(1, decode(sqlTime + "}").getLong(0));
  }

  @ParameterizedTest
  @CsvSource({
      "counted-json.ignore-parse-errors, true, Remove that option.",
      "counted-json.timestamp-format.standard, RFC, Unsupported value 'RFC'",
      "counted-json.timestamp, x, Unsupported options",
      "json.timestamp-format.standard, SQL, Unsupported options"})
  void refusesOtherOptions(String name, String value, String sentence) {
    Throwable failure = assertThrows(ValidationException.class, () -> table(Map.of(name, value)));
    StringBuilder said = new StringBuilder();
    for (; failure != null; failure = failure.getCause()) {
      said.append(failure.getMessage()).append('\n');
    }
    assertTrue(said.toString().contains(sentence), said.toString());
  }

  /** What a format needs of the planner. */
  private static final class SourceContext implements DynamicTableSource.Context {
    @Override
    public <T> TypeInformation<T> createTypeInformation(DataType type) {
      return createTypeInformation(type.getLogicalType());
    }

    @Override
    @SuppressWarnings("unchecked")
    public <T> TypeInformation<T> createTypeInformation(LogicalType type) {
      return (TypeInformation<T>) TypeInformation.of(RowData.class);
    }

    @Override
    public DynamicTableSource.DataStructureConverter createDataStructureConverter(DataType type) {
      throw new UnsupportedOperationException();
    }
  }
}
