-- One row for a window and signal that is far over its own recent baseline: above its minimum, above so many times the
-- mean of the windows before it, and above their mean by so many of their standard deviations.
-- The windows before it are those of the last minutes with a click in them: an empty one makes no row. The first of
-- them has to have begun a while ago, so that a start knows what is usual before it speaks.
-- A range and not a number of rows, which would be forgotten after table.exec.state.ttl without a click.
insert into ecomm_traffic
select 'traffic' as kind, signal, observed, round(mean, 2) as baseline, window_start, window_end
from (
    select
        signal,
        observed,
        window_start,
        window_end,
        known_seconds,
        total / windows as mean,
        squares / windows as mean_square
    from (
        select
            signal,
            observed,
            window_start,
            window_end,
            timestampdiff(second, min(window_start) over recent, window_start) as known_seconds,
            -- Without the current window.
            cast(count(1) over recent - 1 as double) as windows,
            cast(sum(observed) over recent - observed as double) as total,
            cast(sum(observed * observed) over recent - observed * observed as double) as squares
        from traffic_windows
        window recent as (
            partition by signal
            order by moment
            range between interval '${baseline}' day to second preceding and current row
        )
    )
)
where
    known_seconds >= ${warmup_seconds}
    and observed >= case signal when 'events' then ${traffic_minimum} else ${new_users_minimum} end
    and observed > ${factor} * mean
    and observed > mean + ${deviations} * sqrt(greatest(mean_square - mean * mean, 0))
