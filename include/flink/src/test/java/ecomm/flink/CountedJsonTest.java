package ecomm.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
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
import org.apache.flink.metrics.MetricGroup;
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
import org.apache.flink.util.InstantiationUtil;
import org.apache.flink.util.UserCodeClassLoader;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The format as a table uses it; which text is a click is in {@link ClickFormsTest}. */
class CountedJsonTest {
  private static final ResolvedSchema SCHEMA = ResolvedSchema.of(
      Column.physical("user_id", DataTypes.BIGINT().notNull()),
      Column.physical("txn_timestamp", DataTypes.TIMESTAMP_LTZ(3).notNull()),
      Column.physical("category_id", DataTypes.BIGINT()),
      Column.physical("price", DataTypes.DOUBLE()),
      Column.physical("brand", DataTypes.STRING()));

  private final MalformedSample malformed = new MalformedSample();
  private DeserializationSchema<RowData> decoder;

  @BeforeEach
  void openDecoder() throws Exception {
    var format = ((TestDynamicTableFactory.DynamicTableSourceMock) table(SCHEMA, Map.of())).valueFormat;
    // By way of bytes, as it comes to the cluster.
    decoder = InstantiationUtil.clone(
        format.createRuntimeDecoder(new SourceContext(), SCHEMA.toPhysicalRowDataType()));
    decoder.open(new DeserializationSchema.InitializationContext() {
      @Override
      public MetricGroup getMetricGroup() {
        return malformed.group("");
      }

      @Override
      public UserCodeClassLoader getUserCodeClassLoader() {
        throw new UnsupportedOperationException();
      }
    });
  }

  private static DynamicTableSource table(ResolvedSchema schema, Map<String, String> formatOptions) {
    Map<String, String> options = new HashMap<>(formatOptions);
    options.putAll(Map.of("connector", "test-connector", "target", "none", "format", "counted-json"));
    return FactoryMocks.createTableSource(schema, options);
  }

  private List<RowData> decode(String record) throws IOException {
    List<RowData> rows = new ArrayList<>();
    decoder.deserialize(record.getBytes(StandardCharsets.UTF_8), new ListCollector<>(rows));
    return rows;
  }

  /** A good record with one key more. */
  private static String click(String key) {
    return "{\"user_id\": 541312140, \"txn_timestamp\": \"2026-11-24T00:00:00.123Z\", %s}".formatted(key);
  }

  @Test
  void readsEachColumn() throws IOException {
    RowData row = decode(click("\"category_id\": 2053013555631882655, \"price\": \"9.50\", \"brand\": 7")).get(0);
    assertEquals(541312140L, row.getLong(0));
    assertEquals(TimestampData.fromEpochMillis(1795478400123L), row.getTimestamp(1, 3));
    assertEquals(2053013555631882655L, row.getLong(2));
    assertEquals(9.5, row.getDouble(3));
    assertEquals("7", row.getString(4).toString());
    assertEquals(0, malformed.count());
  }

  /** A number is never changed to fit: no fraction is cut, no digit rounded away, no infinity made of a large one. */
  @ParameterizedTest
  @ValueSource(strings = {
      "\"category_id\": 2.053013555631882655e18", "\"category_id\": 1.0", "\"category_id\": 9223372036854775808",
      "\"category_id\": \"2053013555631882655x\"", "\"category_id\": \"\"", "\"category_id\": true",
      "\"category_id\": null", "\"category_id\": NaN", "\"price\": 1e999", "\"price\": \"NaN\"", "\"price\": \"9,50\"",
      "\"price\": \"\"", "\"brand\": null", "\"unknown\": {\"deep\": [1.5]}"})
  void leavesANullableColumnNullThatCannotHoldTheValue(String key) throws IOException {
    RowData row = decode(click(key)).get(0);
    for (int i = 2; i < row.getArity(); i++) {
      assertTrue(row.isNullAt(i), "column " + i);
    }
    assertEquals(0, malformed.count());
  }

  @Test
  void goesOnAfterAMalformedRecord() throws IOException {
    assertEquals(0, decode("no json").size());
    assertEquals(1, malformed.count());
    assertEquals(2, decode(click("\"brand\": null") + click("\"brand\": 1")).size());
    decoder.deserialize(null, new ListCollector<>(new ArrayList<>()));
    assertEquals(1, malformed.count());
    assertFalse(decoder.isEndOfStream(null));
  }

  @Test
  void leavesAFailureBehindTheCollectorAlone() {
    assertThrows(IllegalStateException.class, () -> decoder.deserialize(
        click("\"brand\": null").getBytes(StandardCharsets.UTF_8), new ListCollector<>(new ArrayList<>()) {
          @Override
          public void collect(RowData row) {
            throw new IllegalStateException("an operator failed");
          }
        }));
    assertEquals(0, malformed.count());
  }

  @Test
  void refusesOptions() {
    assertRefused("Unsupported options", SCHEMA, Map.of("counted-json.ignore-parse-errors", "true"));
  }

  @Test
  void refusesColumnsOfManyValues() {
    var schema = ResolvedSchema.of(Column.physical("tags", DataTypes.ARRAY(DataTypes.INT())));
    var format = ((TestDynamicTableFactory.DynamicTableSourceMock) table(schema, Map.of())).valueFormat;
    String sentence = assertThrows(ValidationException.class,
        () -> format.createRuntimeDecoder(new SourceContext(), schema.toPhysicalRowDataType())).getMessage();
    assertTrue(sentence.contains("column tags is ARRAY<INT>"), sentence);
  }

  private static void assertRefused(String sentence, ResolvedSchema schema, Map<String, String> options) {
    Throwable failure = assertThrows(ValidationException.class, () -> table(schema, options));
    StringBuilder messages = new StringBuilder();
    for (; failure != null; failure = failure.getCause()) {
      messages.append(failure.getMessage()).append('\n');
    }
    assertTrue(messages.toString().contains(sentence), messages.toString());
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
