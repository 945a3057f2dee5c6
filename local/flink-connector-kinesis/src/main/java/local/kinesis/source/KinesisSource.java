package local.kinesis.source;

import java.util.List;
import java.util.Set;
import local.kinesis.client.StreamClient;
import org.apache.flink.api.common.serialization.DeserializationSchema;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.table.data.RowData;
import org.apache.flink.util.UserCodeClassLoader;

/**
 * A stream as a source of rows: a split a shard, the sequence number of its last row in the checkpoint.
 *
 * @param stream to read
 * @param options how to read it
 * @param format that makes rows of records
 * @param metadata columns that follow the format's own
 */
public record KinesisSource(
    StreamClient stream, ReadOptions options, DeserializationSchema<RowData> format, List<RecordMetadata> metadata)
    implements Source<RowData, ShardSplit, EnumeratorState> {

  @Override
  public Boundedness getBoundedness() {
    return Boundedness.CONTINUOUS_UNBOUNDED;
  }

  @Override
  public SplitEnumerator<ShardSplit, EnumeratorState> createEnumerator(SplitEnumeratorContext<ShardSplit> context) {
    return restoreEnumerator(context, new EnumeratorState(options.startMillis(), Set.of(), Set.of()));
  }

  @Override
  public SplitEnumerator<ShardSplit, EnumeratorState> restoreEnumerator(
      SplitEnumeratorContext<ShardSplit> context, EnumeratorState state) {
    return new ShardEnumerator(context, stream, options.discovery(), state);
  }

  @Override
  public SimpleVersionedSerializer<ShardSplit> getSplitSerializer() {
    return ShardSplit.SERIALIZER;
  }

  @Override
  public SimpleVersionedSerializer<EnumeratorState> getEnumeratorCheckpointSerializer() {
    return EnumeratorState.SERIALIZER;
  }

  @Override
  public SourceReader<RowData, ShardSplit> createReader(SourceReaderContext context) throws Exception {
    format.open(new DeserializationSchema.InitializationContext() {
      /** The official connector's group too. */
      @Override
      public MetricGroup getMetricGroup() {
        return context.metricGroup().addGroup("deserializer");
      }

      @Override
      public UserCodeClassLoader getUserCodeClassLoader() {
        return context.getUserCodeClassLoader();
      }
    });
    return KinesisReader.create(this, context);
  }
}
