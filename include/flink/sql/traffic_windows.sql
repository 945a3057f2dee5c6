-- What each window of 5 s had, a row for each signal: all its clicks, and its new users. A window without a click has none.
-- The clicks are counted from the stream itself and not from the views before this one: those hand their rows on when
-- the watermark moves. At the first click after a silence of all shards it moves by the whole silence, and rows of the
-- slower tasks come to this count when it is past them: decision 0117.
create temporary view traffic_windows as
select
    cast('events' as varchar(9)) as signal,
    count(1) as observed,
    window_start,
    window_end,
    window_time as moment
from table(tumble(table ecomm_user_activity_stream_1, descriptor(txn_timestamp), interval '5' second))
group by window_start, window_end, window_time
union all
select
    cast('new_users' as varchar(9)) as signal,
    count(1) filter (where windows = 1) as observed,
    window_start,
    window_end,
    window_time as moment
from table(tumble(table user_windows_of_the_hour, descriptor(moment), interval '5' second))
group by window_start, window_end, window_time
