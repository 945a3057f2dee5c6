package ecomm.flink;

import java.util.Set;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ReadableConfig;
import org.apache.flink.formats.json.JsonFormatFactory;
import org.apache.flink.formats.json.JsonFormatOptions;
import org.apache.flink.table.api.ValidationException;
import org.apache.flink.table.connector.ChangelogMode;
import org.apache.flink.table.connector.format.DecodingFormat;
import org.apache.flink.table.connector.source.DynamicTableSource;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.factories.DeserializationFormatFactory;
import org.apache.flink.table.factories.DynamicTableFactory;
import org.apache.flink.table.factories.FactoryUtil;
import org.apache.flink.table.types.DataType;
import org.apache.flink.table.types.logical.RowType;

/**
 * {@code 'format' = 'counted-json'}: Flink's own json format, with malformed records counted and dropped.
 *
 * <p>Flink's json has two answers to a bad record: fail the job, which then meets the same record after every restart,
 * or {@code ignore-parse-errors}, which turns what it cannot read into nulls without a word. This format does neither.
 * Options are those of json under the prefix {@code counted-json.}.
 */
public class CountedJsonFormatFactory implements DeserializationFormatFactory {
  static final String IDENTIFIER = "counted-json";

  private final JsonFormatFactory json = new JsonFormatFactory();

  @Override
  public String factoryIdentifier() {
    return IDENTIFIER;
  }

  @Override
  public Set<ConfigOption<?>> requiredOptions() {
    return json.requiredOptions();
  }

  @Override
  public Set<ConfigOption<?>> optionalOptions() {
    return json.optionalOptions();
  }

  @Override
  public Set<ConfigOption<?>> forwardOptions() {
    return json.forwardOptions();
  }

  @Override
  public DecodingFormat<DeserializationSchema<RowData>> createDecodingFormat(
      DynamicTableFactory.Context context, ReadableConfig options) {
    FactoryUtil.validateFactoryOptions(this, options);
    if (options.get(JsonFormatOptions.IGNORE_PARSE_ERRORS)) {
      throw new ValidationException(
          "counted-json counts and drops what it cannot read; '%s.%s' would turn it into nulls. Remove that option."
              .formatted(IDENTIFIER, JsonFormatOptions.IGNORE_PARSE_ERRORS.key()));
    }
    DecodingFormat<DeserializationSchema<RowData>> decoding = json.createDecodingFormat(context, options);
    return new DecodingFormat<>() {
      @Override
      public DeserializationSchema<RowData> createRuntimeDecoder(DynamicTableSource.Context source, DataType type) {
        return new CountedJsonDecoder(
            decoding.createRuntimeDecoder(source, type), (RowType) type.getLogicalType());
      }

      @Override
      public ChangelogMode getChangelogMode() {
        return decoding.getChangelogMode();
      }
    };
  }
}
