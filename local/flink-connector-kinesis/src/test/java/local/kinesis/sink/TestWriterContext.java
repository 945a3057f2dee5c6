package local.kinesis.sink;

import java.util.OptionalLong;
import org.apache.flink.api.common.JobInfo;
import org.apache.flink.api.common.TaskInfo;
import org.apache.flink.api.common.operators.MailboxExecutor;
import org.apache.flink.api.common.operators.ProcessingTimeService;
import org.apache.flink.api.common.serialization.SerializationSchema;
import org.apache.flink.api.common.typeutils.TypeSerializer;
import org.apache.flink.api.connector.sink2.WriterInitContext;
import org.apache.flink.metrics.groups.SinkWriterMetricGroup;
import org.apache.flink.runtime.metrics.groups.MetricsGroupTestUtils;
import org.apache.flink.streaming.runtime.tasks.StreamTaskActionExecutor;
import org.apache.flink.streaming.runtime.tasks.TestProcessingTimeService;
import org.apache.flink.streaming.runtime.tasks.mailbox.MailboxExecutorImpl;
import org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailboxImpl;
import org.apache.flink.util.SimpleUserCodeClassLoader;
import org.apache.flink.util.UserCodeClassLoader;

/** The third subtask of a sink, with Flink's own mailbox for the thread that makes it; its clock stands still. */
final class TestWriterContext implements WriterInitContext {
  private final MailboxExecutor mailbox =
      new MailboxExecutorImpl(new TaskMailboxImpl(Thread.currentThread()), 0, StreamTaskActionExecutor.IMMEDIATE);
  private final ProcessingTimeService clock = new TestProcessingTimeService();
  private final SinkWriterMetricGroup metrics = MetricsGroupTestUtils.mockWriterMetricGroup();

  @Override
  public MailboxExecutor getMailboxExecutor() {
    return mailbox;
  }

  @Override
  public ProcessingTimeService getProcessingTimeService() {
    return clock;
  }

  @Override
  public SinkWriterMetricGroup metricGroup() {
    return metrics;
  }

  @Override
  public UserCodeClassLoader getUserCodeClassLoader() {
    return SimpleUserCodeClassLoader.create(getClass().getClassLoader());
  }

  @Override
  public OptionalLong getRestoredCheckpointId() {
    return OptionalLong.empty();
  }

  @Override
  public SerializationSchema.InitializationContext asSerializationSchemaInitializationContext() {
    return null; // The formats of these tests have nothing to open.
  }

  @Override
  public boolean isObjectReuseEnabled() {
    return false;
  }

  @Override
  public <T> TypeSerializer<T> createInputSerializer() {
    throw new UnsupportedOperationException();
  }

  @Override
  public JobInfo getJobInfo() {
    throw new UnsupportedOperationException();
  }

  @Override
  public TaskInfo getTaskInfo() {
    return new TaskInfo() {
      @Override
      public String getTaskName() {
        return "sink";
      }

      @Override
      public int getMaxNumberOfParallelSubtasks() {
        return 4;
      }

      @Override
      public int getIndexOfThisSubtask() {
        return 2;
      }

      @Override
      public int getNumberOfParallelSubtasks() {
        return 4;
      }

      @Override
      public int getAttemptNumber() {
        return 0;
      }

      @Override
      public String getTaskNameWithSubtasks() {
        return "sink (3/4)#0";
      }

      @Override
      public String getAllocationIDAsString() {
        return "none";
      }
    };
  }
}
