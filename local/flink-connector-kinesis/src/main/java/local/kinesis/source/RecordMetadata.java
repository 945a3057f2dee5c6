package local.kinesis.source;

import java.util.function.BiFunction;
import org.apache.flink.table.api.DataTypes;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.types.DataType;
import software.amazon.awssdk.services.kinesis.model.Record;

/** What a METADATA column can show of a record; keys and types are those of the official connector. */
public enum RecordMetadata {
  TIMESTAMP("timestamp", DataTypes.TIMESTAMP_LTZ(3).notNull(),
      (shardId, record) -> TimestampData.fromInstant(record.approximateArrivalTimestamp())),
  SEQUENCE_NUMBER("sequence-number", DataTypes.VARCHAR(128).notNull(),
      (shardId, record) -> StringData.fromString(record.sequenceNumber())),
  SHARD_ID("shard-id", DataTypes.VARCHAR(128).notNull(), (shardId, record) -> StringData.fromString(shardId));

  private final String key;
  private final DataType type;
  private final BiFunction<String, Record, Object> value;

  RecordMetadata(String key, DataType type, BiFunction<String, Record, Object> value) {
    this.key = key;
    this.type = type;
    this.value = value;
  }

  public String key() {
    return key;
  }

  public DataType type() {
    return type;
  }

  Object of(String shardId, Record record) {
    return value.apply(shardId, record);
  }
}
