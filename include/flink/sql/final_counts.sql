-- The statement of the project's description: users with more than one action in a window of 10 s, once it is complete.
insert into ecomm_user_activity_stream_2
select
    user_id,
    count(1) as num_actions_per_watermark,
    tumble_start(txn_timestamp, interval '10' second) as window_start,
    tumble_end(txn_timestamp, interval '10' second) as window_end,
    'final' as kind
from ecomm_user_activity_stream_1
group by tumble(txn_timestamp, interval '10' second), user_id
having count(1) > 1
