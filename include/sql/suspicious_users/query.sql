-- reason names the first rule that the user breaks, in the order below. The thresholds and their reasons are in
-- thresholds.json. Reserved users are tests or replays and no visitors; include/contract names their ids.
with hourly as (
    select
        user_id,
        cast(hour as date) as day,
        sum(events) as events,
        sum(if(event_type = 'view', events, 0)) as views,
        sum(if(event_type = 'cart', events, 0)) as carts,
        sum(if(event_type = 'purchase', events, 0)) as purchases,
        sum(repeated_events) as repeats
    from {{ table('agg_activity') }}
    group by user_id, hour
),

daily as (
    select
        user_id,
        max(events) as events_in_busiest_hour,
        max(carts) as carts_in_busiest_hour,
        max(repeats) as repeats_in_busiest_hour,
        count(*) as hours_in_busiest_day,
        if(sum(carts) + sum(purchases) = 0, sum(views), 0) as views_without_end
    from hourly
    group by user_id, day
),

busiest as (
    select
        user_id,
        max(events_in_busiest_hour) as events_in_busiest_hour,
        max(carts_in_busiest_hour) as carts_in_busiest_hour,
        max(repeats_in_busiest_hour) as repeats_in_busiest_hour,
        max(hours_in_busiest_day) as hours_in_busiest_day,
        max(views_without_end) as views_without_end
    from daily
    group by user_id
),

judged as (
    select
        *,
        case
            when user_id {{ reserved_users }} then 'reserved'
            when events_in_busiest_hour > {{ thresholds.events_per_hour }} then 'events_per_hour'
            when carts_in_busiest_hour > {{ thresholds.carts_per_hour }} then 'carts_per_hour'
            when repeats_in_busiest_hour > {{ thresholds.repeats_per_hour }} then 'repeats_per_hour'
            when hours_in_busiest_day > {{ thresholds.hours_per_day }} then 'hours_per_day'
            when views_without_end > {{ thresholds.views_without_end }} then 'views_without_end'
        end as reason
    from busiest
)

select
    user_id,
    cast(reason as varchar) as reason,
    events_in_busiest_hour,
    carts_in_busiest_hour,
    repeats_in_busiest_hour,
    hours_in_busiest_day,
    views_without_end
from judged
where reason is not null
