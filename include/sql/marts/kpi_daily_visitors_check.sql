-- One row a check; failing_rows above zero keeps the new table from being published.
with copies as (
    select
        day,
        audience,
        count(*) as copies
    from {{ table }}
    group by day, audience
),

daily as (
    select
        cast(activity.hour as date) as day,
        audiences.audience,
        count(distinct activity.user_id) as visitors,
        sum(if(activity.event_type = 'view', activity.events, 0)) as views,
        sum(if(activity.event_type = 'cart', activity.events, 0)) as carts,
        sum(if(activity.event_type = 'purchase', activity.events, 0)) as purchases,
        sum(if(activity.event_type = 'purchase', activity.amount, decimal '0.00')) as revenue
    from {{ database }}.agg_activity as activity
    left join {{ database }}.suspicious_users as suspicious on activity.user_id = suspicious.user_id
    cross join (values 'all', 'human') as audiences (audience)
    where audiences.audience = 'all' or suspicious.user_id is null
    group by cast(activity.hour as date), audiences.audience
),

everybody as (
    select * from {{ table }}
    where audience = 'all'
),

people as (
    select * from {{ table }}
    where audience = 'human'
)

select
    'the table is not empty' as check_name,
    if(count(*) = 0, 1, 0) as failing_rows,
    'rows: ' || cast(count(*) as varchar) as detail
from {{ table }}
union all
select
    'one row for a day and audience' as check_name,
    count_if(copies > 1 or day is null or audience not in ('all', 'human')) as failing_rows,
    '' as detail
from copies
union all
select
    'a visitor is either new or returning' as check_name,
    count_if(new_visitors + returning_visitors is distinct from visitors) as failing_rows,
    '' as detail
from {{ table }}
union all
select
    'the conversion rate lies between 0 and 1' as check_name,
    count_if(conversion_rate < 0 or conversion_rate > 1 or (sessions > 0 and conversion_rate is null)) as failing_rows,
    '' as detail
from {{ table }}
union all
select
    'visitors, events and revenue are those of the activity, by day and audience' as check_name,
    count_if(
        visitors.visitors is distinct from daily.visitors
        or visitors.views is distinct from daily.views
        or visitors.carts is distinct from daily.carts
        or visitors.purchases is distinct from daily.purchases
        or visitors.revenue is distinct from daily.revenue
    ) as failing_rows,
    'days: ' || cast(count(distinct daily.day) as varchar) as detail
from {{ table }} as visitors
full outer join daily on visitors.day = daily.day and visitors.audience = daily.audience
union all
select
    'as many sessions as in agg_sessions, human ones those that are not suspicious' as check_name,
    if(
        (select sum(sessions) from everybody) is distinct from (select count(*) from {{ database }}.agg_sessions),
        1, 0
    )
    + if(
        (select coalesce(sum(sessions), 0) from people)
        is distinct from (select count_if(not suspicious) from {{ database }}.agg_sessions),
        1, 0
    ) as failing_rows,
    '' as detail
union all
select
    'people are not more than all' as check_name,
    count_if(
        everybody.day is null
        or people.visitors > everybody.visitors
        or people.sessions > everybody.sessions
        or people.views > everybody.views
        or people.revenue > everybody.revenue
    ) as failing_rows,
    '' as detail
from people
left join everybody on people.day = everybody.day
