-- A few sessions have two users; the session is suspicious if one of them is.
select
    activity.user_session,
    cast(min(activity.first_event_time) as date) as day,
    min(activity.first_event_time) as first_event_time,
    max(activity.last_event_time) as last_event_time,
    count(distinct activity.user_id) as users,
    bool_or(suspicious.user_id is not null) as suspicious,
    sum(if(activity.event_type = 'view', activity.events, 0)) as views,
    sum(if(activity.event_type = 'cart', activity.events, 0)) as carts,
    sum(if(activity.event_type = 'purchase', activity.events, 0)) as purchases,
    sum(if(activity.event_type = 'cart', activity.amount, decimal '0.00')) as cart_value,
    sum(if(activity.event_type = 'purchase', activity.amount, decimal '0.00')) as revenue
from {{ table('agg_activity') }} as activity
left join {{ table('suspicious_users') }} as suspicious on activity.user_id = suspicious.user_id
where activity.user_session is not null
group by activity.user_session
