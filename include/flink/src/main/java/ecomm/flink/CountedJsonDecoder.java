package ecomm.flink;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.util.Collector;

/** Decodes each JSON object of a record as a row, and counts as malformed what is none. Never fails. */
final class CountedJsonDecoder implements DeserializationSchema<RowData> {
  private final TypeInformation<RowData> produced;
  private final ObjectRow row;
  private transient JsonValues values;
  private transient MalformedRecords malformed;

  CountedJsonDecoder(TypeInformation<RowData> produced, RowType type) {
    this.produced = produced;
    this.row = new ObjectRow(type);
  }

  @Override
  public void open(InitializationContext context) {
    values = new JsonValues(row);
    malformed = new MalformedRecords(context.getMetricGroup());
  }

  /** All rows are read before the first is handed on: a failure behind the collector is not a malformed record. */
  @Override
  public void deserialize(byte[] message, Collector<RowData> out) {
    if (message == null) {
      return;
    }
    List<RowData> rows = new ArrayList<>(1);
    values.read(message, rows, malformed);
    rows.forEach(out::collect);
  }

  @Override
  public RowData deserialize(byte[] message) throws IOException {
    throw new UnsupportedOperationException("A record may hold several rows; use the method with a collector.");
  }

  @Override
  public boolean isEndOfStream(RowData next) {
    return false;
  }

  @Override
  public TypeInformation<RowData> getProducedType() {
    return produced;
  }
}
