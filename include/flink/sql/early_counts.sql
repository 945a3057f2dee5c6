-- One row at the click with which a user passes the threshold within a window, without waiting for the watermark.
-- Clicks are counted as they arrive, so the order by is of the arrival; late clicks count here too.
-- A count is forgotten after table.exec.state.ttl without a click, which main.py sets.
insert into ecomm_user_activity_stream_2
select user_id, num_actions_per_watermark, window_start, window_end, 'early' as kind
from (
    select
        user_id,
        window_start,
        window_end,
        count(1) over (
            partition by user_id, window_start, window_end order by arrived
        ) as num_actions_per_watermark
    from (
        select user_id, window_start, window_end, proctime() as arrived
        from table(tumble(table ecomm_user_activity_stream_1, descriptor(txn_timestamp), interval '10' second))
    )
)
where num_actions_per_watermark = ${early_threshold} + 1
