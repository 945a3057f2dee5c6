package ecomm.flink;

import static org.apache.flink.table.annotation.ArgumentTrait.REQUIRE_ON_TIME;
import static org.apache.flink.table.annotation.ArgumentTrait.SET_SEMANTIC_TABLE;

import org.apache.flink.table.annotation.ArgumentHint;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.annotation.FunctionHint;
import org.apache.flink.table.annotation.StateHint;
import org.apache.flink.table.functions.ProcessTableFunction;
import org.apache.flink.types.Row;

/**
 * Turns each click of a user into what it changes in the traffic: an event of its window, and a new user of it if the
 * user has no click in the hour before. Its time is the last moment of its window.
 *
 * <p>The changes are passed on with their click, and not when the watermark moves: at the end of a silence nothing is
 * left to pass on (decision 0127). Flink drops a click whose window is over; the final count counts it as late.
 */
@FunctionHint(
    output = @DataTypeHint("ROW<window_end BIGINT NOT NULL, events BIGINT NOT NULL, new_users BIGINT NOT NULL>"))
public class UserTraffic extends ProcessTableFunction<Row> {

  // A timer forgets the user, and no time to live: that is of the machine's clock and goes on while nothing runs.
  public void eval(
      Context context,
      @StateHint(ttl = "0 s") Visits visits,
      @ArgumentHint({SET_SEMANTIC_TABLE, REQUIRE_ON_TIME}) Row click) {
    TimeContext<Long> time = context.timeContext(Long.class);
    long window = time.time() + 1;
    boolean first = visits.windows.length == 0;
    collect(Row.of(window, 1L, 0L));
    visits.add(window).forEach((changed, newUsers) -> collect(Row.of(changed, 0L, newUsers)));
    if (time.currentWatermark() != null) {
      visits.forget(time.currentWatermark());
    }
    if (first) {
      time.registerOnTime(visits.forgotten());
    }
  }

  public void onTimer(OnTimerContext context, Visits visits) {
    TimeContext<Long> time = context.timeContext(Long.class);
    if (visits.forgotten() > time.time()) {
      time.registerOnTime(visits.forgotten());
    } else {
      // And not clearAll: it goes through the timers of all users, and leaves another user as the current one.
      context.clearAllState();
    }
  }
}
