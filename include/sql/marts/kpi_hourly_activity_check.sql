-- One row a check; failing_rows above zero keeps the new table from being published.
with copies as (
    select
        hour,
        category_code,
        event_type,
        audience,
        count(*) as copies
    from {{ table }}
    group by hour, category_code, event_type, audience
),

expected as (
    select
        cast(activity.hour as date) as day,
        audiences.audience,
        sum(activity.events) as events,
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
),

daily as (
    select
        cast(hour as date) as day,
        audience,
        sum(events) as events,
        sum(revenue) as revenue
    from {{ table }}
    group by cast(hour as date), audience
)

select
    'the table is not empty' as check_name,
    if(count(*) = 0, 1, 0) as failing_rows,
    'rows: ' || cast(count(*) as varchar) as detail
from {{ table }}
union all
select
    'one row for an hour, category, event type and audience' as check_name,
    count_if(copies > 1 or hour is null or event_type is null or audience not in ('all', 'human')) as failing_rows,
    '' as detail
from copies
union all
select
    'a row has a visitor, no more visitors than events, and revenue only of purchases' as check_name,
    count_if(visitors < 1 or visitors > events or (event_type <> 'purchase' and revenue <> 0)) as failing_rows,
    '' as detail
from {{ table }}
union all
select
    'events and revenue add up to those of the activity, by day and audience' as check_name,
    count_if(
        daily.events is distinct from expected.events or daily.revenue is distinct from expected.revenue
    ) as failing_rows,
    'days: ' || cast(count(distinct daily.day) as varchar) as detail
from daily
full outer join expected on daily.day = expected.day and daily.audience = expected.audience
union all
select
    'people are not more than all' as check_name,
    count_if(
        everybody.hour is null
        or people.visitors > everybody.visitors
        or people.events > everybody.events
        or people.revenue > everybody.revenue
    ) as failing_rows,
    '' as detail
from people
left join everybody
    on
        people.hour = everybody.hour
        and people.category_code is not distinct from everybody.category_code
        and people.event_type = everybody.event_type
