package ecomm.flink;

import java.io.IOException;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;

/** Decodes a record with Flink's json, or counts it as malformed and gives no row. Never fails. */
final class CountedJsonDecoder implements DeserializationSchema<RowData> {
  private static final byte[] EMPTY = {};

  private final DeserializationSchema<RowData> json;
  private final JsonFit fit;
  private transient MalformedRecords malformed;

  CountedJsonDecoder(DeserializationSchema<RowData> json, RowType type) {
    this.json = json;
    this.fit = new JsonFit(type);
  }

  @Override
  public void open(InitializationContext context) throws Exception {
    json.open(context);
    malformed = new MalformedRecords(context.getMetricGroup());
  }

  /**
   * The one-row method, and not the one with a collector: a failure of an operator behind the collector would look like
   * a malformed record.
   */
  @Override
  public RowData deserialize(byte[] message) {
    byte[] record = message == null ? EMPTY : message;
    try {
      fit.check(record);
      return json.deserialize(record);
    } catch (IOException | RuntimeException e) {
      malformed.add(record, e);
      return null;
    }
  }

  @Override
  public boolean isEndOfStream(RowData row) {
    return false;
  }

  @Override
  public TypeInformation<RowData> getProducedType() {
    return json.getProducedType();
  }
}
