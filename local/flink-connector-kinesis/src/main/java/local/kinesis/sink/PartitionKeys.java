package local.kinesis.sink;

import java.io.Serializable;
import java.util.List;
import java.util.UUID;
import java.util.stream.Collectors;
import org.apache.flink.table.data.RowData;

/** Which partition key a row gets, and so which shard. */
public sealed interface PartitionKeys extends Serializable {

  String of(RowData row, int subtask);

  /** PARTITIONED BY: the columns' values, between them a delimiter. */
  record Columns(List<RowData.FieldGetter> getters, String delimiter) implements PartitionKeys {
    /** Kinesis takes 1 to 256 characters. */
    private static final int LONGEST = 256;

    @Override
    public String of(RowData row, int subtask) {
      String key = getters.stream().map(getter -> String.valueOf(getter.getFieldOrNull(row)))
          .collect(Collectors.joining(delimiter));
      return key.isEmpty() ? "|" : key.substring(0, Math.min(LONGEST, key.length()));
    }
  }

  /** Over all shards. */
  record Random() implements PartitionKeys {
    @Override
    public String of(RowData row, int subtask) {
      return UUID.randomUUID().toString();
    }
  }

  /** All rows of a subtask in one shard. */
  record Fixed() implements PartitionKeys {
    @Override
    public String of(RowData row, int subtask) {
      return String.valueOf(subtask);
    }
  }
}
