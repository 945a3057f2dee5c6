-- The users of each window of 5 s. A user who clicks a thousand times is one row to what follows.
create temporary view user_windows as
select user_id, window_time as moment
from table(tumble(table ecomm_user_activity_stream_1, descriptor(txn_timestamp), interval '5' second))
group by user_id, window_start, window_end, window_time
