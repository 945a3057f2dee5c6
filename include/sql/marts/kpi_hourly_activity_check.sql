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
        sum(events) as events,
        sum(if(event_type = 'purchase', amount, decimal '0.00')) as revenue
    from {{ database }}.agg_activity
),

everybody as (
    select * from {{ table }}
    where audience = 'all'
),

people as (
    select * from {{ table }}
    where audience = 'human'
),

totals as (
    select
        sum(events) as events,
        sum(revenue) as revenue
    from everybody
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
    'events and revenue of all are those of the activity' as check_name,
    count_if(
        totals.events is distinct from expected.events or totals.revenue is distinct from expected.revenue
    ) as failing_rows,
    '' as detail
from totals
cross join expected
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
