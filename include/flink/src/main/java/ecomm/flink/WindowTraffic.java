package ecomm.flink;

import static org.apache.flink.table.annotation.ArgumentTrait.OPTIONAL_PARTITION_BY;
import static org.apache.flink.table.annotation.ArgumentTrait.REQUIRE_ON_TIME;
import static org.apache.flink.table.annotation.ArgumentTrait.SET_SEMANTIC_TABLE;

import java.time.Instant;
import org.apache.flink.table.annotation.ArgumentHint;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.annotation.StateHint;
import org.apache.flink.table.api.dataview.MapView;
import org.apache.flink.table.functions.ProcessTableFunction;
import org.apache.flink.types.Row;

/**
 * Adds up the changes of UserTraffic and returns each window once it is over, one row per signal.
 *
 * <p>SQL's own windows go by the time of the row, and a change may concern a later window than that of its click.
 */
@FunctionHint(
    output =
        @DataTypeHint(
            "ROW<signal VARCHAR(9) NOT NULL, observed BIGINT NOT NULL, window_end TIMESTAMP_LTZ(3) NOT NULL>"))
public class WindowTraffic extends ProcessTableFunction<Row> {

  /** Holds what a window has so far. */
  public static class Traffic {
    public long events;
    public long newUsers;
  }

  public void eval(
      Context context,
      @StateHint(ttl = "0 s") MapView<Long, Traffic> windows,
      @ArgumentHint({SET_SEMANTIC_TABLE, OPTIONAL_PARTITION_BY, REQUIRE_ON_TIME}) Row change)
      throws Exception {
    long window = change.<Long>getFieldAs("window_end");
    Traffic traffic = windows.get(window);
    if (traffic == null) {
      traffic = new Traffic();
      context.timeContext(Long.class).registerOnTime(window - 1);
    }
    traffic.events += change.<Long>getFieldAs("events");
    traffic.newUsers += change.<Long>getFieldAs("new_users");
    windows.put(window, traffic);
  }

  public void onTimer(OnTimerContext context, MapView<Long, Traffic> windows) throws Exception {
    long window = context.timeContext(Long.class).time() + 1;
    Traffic traffic = windows.get(window);
    windows.remove(window);
    collect(Row.of("events", traffic.events, Instant.ofEpochMilli(window)));
    collect(Row.of("new_users", traffic.newUsers, Instant.ofEpochMilli(window)));
  }
}
