-- Users who act as no person does; the audience `human` leaves them out.
--
-- Grain: user_id. Source: agg_activity.
-- The rules and why their thresholds are where they are: include/sql/thresholds.json, docs/kpis.md.
with hourly as (
    select
        user_id,
        date_trunc('day', hour) as day,
        sum(events) as events,
        sum(if(event_type = 'view', events, 0)) as views,
        sum(if(event_type = 'cart', events, 0)) as carts,
        sum(if(event_type = 'purchase', events, 0)) as purchases
    from {{ database }}.agg_activity
    group by user_id, hour
),

daily as (
    select
        user_id,
        max(events) as events_in_busiest_hour,
        max(carts) as carts_in_busiest_hour,
        if(sum(carts) + sum(purchases) = 0, sum(views), 0) as views_without_end
    from hourly
    group by user_id, day
),

busiest as (
    select
        user_id,
        max(events_in_busiest_hour) as events_in_busiest_hour,
        max(carts_in_busiest_hour) as carts_in_busiest_hour,
        max(views_without_end) as views_without_end
    from daily
    group by user_id
)

select
    user_id,
    events_in_busiest_hour,
    carts_in_busiest_hour,
    views_without_end,
    case
        when events_in_busiest_hour > {{ thresholds.events_per_hour }} then 'events_per_hour'
        when carts_in_busiest_hour > {{ thresholds.carts_per_hour }} then 'carts_per_hour'
        else 'views_without_end'
    end as reason
from busiest
where
    events_in_busiest_hour > {{ thresholds.events_per_hour }}
    or carts_in_busiest_hour > {{ thresholds.carts_per_hour }}
    or views_without_end > {{ thresholds.views_without_end }}
