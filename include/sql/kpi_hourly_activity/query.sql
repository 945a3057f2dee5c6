-- Only purchases have revenue.
with hourly_visitors as (
    select
        hour,
        category_code,
        event_type,
        user_id,
        sum(events) as events,
        sum(if(event_type = 'purchase', amount, decimal '0.00')) as revenue
    from {{ table('agg_activity') }}
    group by hour, category_code, event_type, user_id
)

select
    hourly_visitors.hour,
    hourly_visitors.category_code,
    hourly_visitors.event_type,
    audiences.audience,
    sum(hourly_visitors.events) as events,
    count(*) as visitors,
    sum(hourly_visitors.revenue) as revenue
from hourly_visitors
left join {{ table('suspicious_users') }} as suspicious on hourly_visitors.user_id = suspicious.user_id
cross join (values cast('all' as varchar), cast('human' as varchar)) as audiences (audience)
where audiences.audience = 'all' or suspicious.user_id is null
group by hourly_visitors.hour, hourly_visitors.category_code, hourly_visitors.event_type, audiences.audience
