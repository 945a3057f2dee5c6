-- One row a check; failing_rows above zero keeps the new table from being published.
with copies as (
    select
        day,
        audience,
        category_code,
        count(*) as copies
    from {{ table }}
    group by day, audience, category_code
),

expected as (
    select
        cast(activity.hour as date) as day,
        audiences.audience,
        sum(activity.events) as events,
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
),

daily as (
    select
        day,
        audience,
        sum(events) as events,
        sum(views) as views,
        sum(carts) as carts,
        sum(purchases) as purchases,
        sum(revenue) as revenue
    from {{ table }}
    group by day, audience
)

select
    'the table is not empty' as check_name,
    if(count(*) = 0, 1, 0) as failing_rows,
    'rows: ' || cast(count(*) as varchar) as detail
from {{ table }}
union all
select
    'one row for a day, audience and category' as check_name,
    count_if(copies > 1 or day is null or audience not in ('all', 'human')) as failing_rows,
    '' as detail
from copies
union all
select
    'ranks are there exactly where a category code is' as check_name,
    count_if(
        (category_code is null) <> (rank_by_views is null) or (category_code is null) <> (rank_by_revenue is null)
    ) as failing_rows,
    '' as detail
from {{ table }}
union all
select
    'the first category of a day has rank 1' as check_name,
    count(*) as failing_rows,
    '' as detail
from (
    select day
    from {{ table }}
    where category_code is not null
    group by day, audience
    having min(rank_by_views) <> 1 or min(rank_by_revenue) <> 1
) as unranked
union all
select
    'a category has a visitor, and no more visitors than events' as check_name,
    count_if(visitors < 1 or visitors > events) as failing_rows,
    '' as detail
from {{ table }}
union all
select
    'events and revenue add up to those of the activity, by day and audience' as check_name,
    count_if(
        daily.events is distinct from expected.events
        or daily.views is distinct from expected.views
        or daily.carts is distinct from expected.carts
        or daily.purchases is distinct from expected.purchases
        or daily.revenue is distinct from expected.revenue
    ) as failing_rows,
    'days: ' || cast(count(*) as varchar) as detail
from daily
full outer join expected on daily.day = expected.day and daily.audience = expected.audience
union all
select
    'people are not more than all' as check_name,
    count_if(
        everybody.day is null
        or people.visitors > everybody.visitors
        or people.events > everybody.events
        or people.revenue > everybody.revenue
    ) as failing_rows,
    '' as detail
from people
left join everybody
    on
        people.day = everybody.day
        and people.category_code is not distinct from everybody.category_code
