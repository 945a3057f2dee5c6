-- One row per check. If rows fail one, the table is not published.
with copies as (
    select
        day,
        audience,
        count(*) as copies
    from {{ this }}
    group by day, audience
),

daily_activity as (
    select
        cast(activity.hour as date) as day,
        audiences.audience,
        count(distinct activity.user_id) as visitors,
        sum(if(activity.event_type = 'view', activity.events, 0)) as views,
        sum(if(activity.event_type = 'cart', activity.events, 0)) as carts,
        sum(if(activity.event_type = 'purchase', activity.events, 0)) as purchases,
        sum(if(activity.event_type = 'purchase', activity.amount, decimal '0.00')) as revenue
    from {{ table('agg_activity') }} as activity
    left join {{ table('suspicious_users') }} as suspicious on activity.user_id = suspicious.user_id
    cross join (values 'all', 'human') as audiences (audience)
    where audiences.audience = 'all' or suspicious.user_id is null
    group by cast(activity.hour as date), audiences.audience
),

first_days as (
    select
        activity.user_id,
        suspicious.user_id is null as human,
        cast(min(activity.hour) as date) as day
    from {{ table('agg_activity') }} as activity
    left join {{ table('suspicious_users') }} as suspicious on activity.user_id = suspicious.user_id
    group by activity.user_id, suspicious.user_id
),

newcomers as (
    select
        first_days.day,
        audiences.audience,
        count(*) as visitors
    from first_days
    cross join (values 'all', 'human') as audiences (audience)
    where audiences.audience = 'all' or first_days.human
    group by first_days.day, audiences.audience
),

daily_sessions as (
    select
        sessions.day,
        audiences.audience,
        count(*) as sessions,
        count_if(sessions.purchases > 0) as sessions_with_purchase
    from {{ table('agg_sessions') }} as sessions
    cross join (values 'all', 'human') as audiences (audience)
    where audiences.audience = 'all' or not sessions.suspicious
    group by sessions.day, audiences.audience
)

select
    'the table is not empty' as check_name,
    if(count(*) = 0, 1, 0) as failing_rows,
    'rows: ' || cast(count(*) as varchar) as detail
from {{ this }}
union all
select
    'one row for a day and audience' as check_name,
    count_if(copies > 1) as failing_rows,
    '' as detail
from copies
union all
select
    'visitors, events and revenue are those of the activity, by day and audience' as check_name,
    count_if(
        visitors.visitors is distinct from daily_activity.visitors
        or visitors.views is distinct from daily_activity.views
        or visitors.carts is distinct from daily_activity.carts
        or visitors.purchases is distinct from daily_activity.purchases
        or visitors.revenue is distinct from daily_activity.revenue
    ) as failing_rows,
    'days: ' || cast(count(distinct daily_activity.day) as varchar) as detail
from {{ this }} as visitors
full outer join daily_activity
    on
        visitors.day = daily_activity.day
        and visitors.audience = daily_activity.audience
union all
select
    'a visitor is new on the first day, and returning on every other' as check_name,
    count_if(
        visitors.new_visitors is distinct from coalesce(newcomers.visitors, 0)
        or visitors.new_visitors + visitors.returning_visitors is distinct from visitors.visitors
    ) as failing_rows,
    'new: ' || cast(coalesce(sum(newcomers.visitors), 0) as varchar) as detail
from {{ this }} as visitors
full outer join newcomers on visitors.day = newcomers.day and visitors.audience = newcomers.audience
union all
select
    'sessions are those of agg_sessions, by day and audience' as check_name,
    count_if(
        visitors.sessions is distinct from coalesce(daily_sessions.sessions, 0)
        or visitors.sessions_with_purchase is distinct from coalesce(daily_sessions.sessions_with_purchase, 0)
    ) as failing_rows,
    'sessions: ' || cast(coalesce(sum(daily_sessions.sessions), 0) as varchar) as detail
from {{ this }} as visitors
full outer join daily_sessions
    on
        visitors.day = daily_sessions.day
        and visitors.audience = daily_sessions.audience
union all
select
    'the conversion rate is that of the sessions' as check_name,
    count_if(conversion_rate is distinct from sessions_with_purchase * 1e0 / nullif(sessions, 0)) as failing_rows,
    '' as detail
from {{ this }}
