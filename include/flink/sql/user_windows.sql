-- The window of 5 s of each click. The last moment of the window is its time from here on: a click is not late while its
-- window is open.
create temporary view user_windows as
select user_id, window_time as moment
from table(tumble(table ecomm_user_activity_stream_1, descriptor(txn_timestamp), interval '5' second))
