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
        cast(hour as date) as day,
        sum(events) as events,
        sum(if(event_type = 'view', events, 0)) as views,
        sum(if(event_type = 'cart', events, 0)) as carts,
        sum(if(event_type = 'purchase', events, 0)) as purchases,
        sum(if(event_type = 'purchase', amount, decimal '0.00')) as revenue
    from {{ database }}.agg_activity
    group by cast(hour as date)
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
        sum(events) as events,
        sum(views) as views,
        sum(carts) as carts,
        sum(purchases) as purchases,
        sum(revenue) as revenue
    from everybody
    group by day
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
    'events and revenue of all add up to those of the activity, day by day' as check_name,
    count_if(
        daily.events is distinct from expected.events
        or daily.views is distinct from expected.views
        or daily.carts is distinct from expected.carts
        or daily.purchases is distinct from expected.purchases
        or daily.revenue is distinct from expected.revenue
    ) as failing_rows,
    'days: ' || cast(count(*) as varchar) as detail
from daily
full outer join expected on daily.day = expected.day
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
