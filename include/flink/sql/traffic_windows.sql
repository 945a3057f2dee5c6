-- What each window of 5 s had, a row for each signal: all its clicks, and its new users. A window without a click has none.
-- Not partitioned: one task adds up for all, so that what follows gets the windows in their order.
create temporary view traffic_windows as
select signal, observed, window_end - interval '5' second as window_start, window_end, rowtime as moment
from window_traffic(
    change => table traffic_changes,
    on_time => descriptor(moment),
    uid => 'window-traffic'
)
