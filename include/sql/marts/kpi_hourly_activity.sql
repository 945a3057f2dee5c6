-- Events, visitors and revenue hour by hour.
--
-- Grain: hour (UTC), category_code, event_type, audience. Sources: agg_activity, suspicious_users.
-- Only purchases have revenue. Visitors do not add up over hours, categories or event types.
with activity as (
    select
        activity.hour,
        activity.category_code,
        activity.event_type,
        activity.user_id,
        activity.events,
        activity.amount,
        audiences.audience
    from {{ database }}.agg_activity as activity
    left join {{ database }}.suspicious_users as suspicious on activity.user_id = suspicious.user_id
    cross join (values 'all', 'human') as audiences (audience)
    where audiences.audience = 'all' or suspicious.user_id is null
)

select
    hour,
    category_code,
    event_type,
    audience,
    sum(events) as events,
    count(distinct user_id) as visitors,
    sum(if(event_type = 'purchase', amount, decimal '0.00')) as revenue
from activity
group by hour, category_code, event_type, audience
