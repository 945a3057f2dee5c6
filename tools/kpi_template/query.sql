select
    cast(activity.hour as date) as day,
    audiences.audience,
    sum(activity.events) as events
from {{ table('agg_activity') }} as activity
left join {{ table('suspicious_users') }} as suspicious on activity.user_id = suspicious.user_id
cross join (values cast('all' as varchar), cast('human' as varchar)) as audiences (audience)
where audiences.audience = 'all' or suspicious.user_id is null
group by cast(activity.hour as date), audiences.audience
