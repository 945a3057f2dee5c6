-- Visitors, sessions and sales of each day.
--
-- Grain: day (UTC), audience. Sources: agg_activity, agg_sessions, suspicious_users.
-- A visitor is new on the first day of the loaded data that has an event of theirs. Visitors do not add up over days.
with activity as (
    select
        activity.user_id,
        cast(activity.hour as date) as day,
        activity.event_type,
        activity.events,
        activity.amount,
        audiences.audience
    from {{ database }}.agg_activity as activity
    left join {{ database }}.suspicious_users as suspicious on activity.user_id = suspicious.user_id
    cross join (values 'all', 'human') as audiences (audience)
    where audiences.audience = 'all' or suspicious.user_id is null
),

visitor_days as (
    select
        audience,
        day,
        user_id,
        min(day) over (partition by audience, user_id) as first_day,
        sum(if(event_type = 'view', events, 0)) as views,
        sum(if(event_type = 'cart', events, 0)) as carts,
        sum(if(event_type = 'purchase', events, 0)) as purchases,
        sum(if(event_type = 'purchase', amount, decimal '0.00')) as revenue
    from activity
    group by audience, day, user_id
),

daily_visitors as (
    select
        day,
        audience,
        count(*) as visitors,
        count_if(day = first_day) as new_visitors,
        count_if(day > first_day) as returning_visitors,
        sum(views) as views,
        sum(carts) as carts,
        sum(purchases) as purchases,
        sum(revenue) as revenue
    from visitor_days
    group by day, audience
),

daily_sessions as (
    select
        sessions.day,
        audiences.audience,
        count(*) as sessions,
        count_if(sessions.purchases > 0) as sessions_with_purchase
    from {{ database }}.agg_sessions as sessions
    cross join (values 'all', 'human') as audiences (audience)
    where audiences.audience = 'all' or not sessions.suspicious
    group by sessions.day, audiences.audience
)

select
    daily_visitors.day,
    daily_visitors.audience,
    daily_visitors.visitors,
    daily_visitors.new_visitors,
    daily_visitors.returning_visitors,
    coalesce(daily_sessions.sessions, 0) as sessions,
    coalesce(daily_sessions.sessions_with_purchase, 0) as sessions_with_purchase,
    daily_visitors.views,
    daily_visitors.carts,
    daily_visitors.purchases,
    daily_visitors.revenue,
    daily_sessions.sessions_with_purchase * 1e0 / daily_sessions.sessions as conversion_rate
from daily_visitors
left join daily_sessions
    on
        daily_visitors.day = daily_sessions.day
        and daily_visitors.audience = daily_sessions.audience
