-- A visitor is new on the first loaded day that has an event of theirs.
with visitor_days as (
    select
        user_id,
        cast(hour as date) as day,
        min(cast(hour as date)) over (partition by user_id) as first_day,
        sum(if(event_type = 'view', events, 0)) as views,
        sum(if(event_type = 'cart', events, 0)) as carts,
        sum(if(event_type = 'purchase', events, 0)) as purchases,
        sum(if(event_type = 'purchase', amount, decimal '0.00')) as revenue
    from {{ table('agg_activity') }}
    group by user_id, cast(hour as date)
),

daily_visitors as (
    select
        visitor_days.day,
        audiences.audience,
        count(*) as visitors,
        count_if(visitor_days.day = visitor_days.first_day) as new_visitors,
        count_if(visitor_days.day > visitor_days.first_day) as returning_visitors,
        sum(visitor_days.views) as views,
        sum(visitor_days.carts) as carts,
        sum(visitor_days.purchases) as purchases,
        sum(visitor_days.revenue) as revenue
    from visitor_days
    left join {{ table('suspicious_users') }} as suspicious on visitor_days.user_id = suspicious.user_id
    cross join (values cast('all' as varchar), cast('human' as varchar)) as audiences (audience)
    where audiences.audience = 'all' or suspicious.user_id is null
    group by visitor_days.day, audiences.audience
),

daily_sessions as (
    select
        sessions.day,
        audiences.audience,
        count(*) as sessions,
        count_if(sessions.purchases > 0) as sessions_with_purchase
    from {{ table('agg_sessions') }} as sessions
    cross join (values cast('all' as varchar), cast('human' as varchar)) as audiences (audience)
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
