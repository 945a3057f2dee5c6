-- One row a check; failing_rows above zero keeps the new table from being published.
with copies as (
    select
        day,
        check,
        count(*) as copies
    from {{ table }}
    group by day, check
),

events as (
    select
        cast(hour as date) as day,
        sum(events) as events,
        sum(repeated_events) as repeated
    from {{ database }}.agg_activity
    group by cast(hour as date)
),

repetitions as (
    select * from {{ table }}
    where check = 'event_is_not_repeated'
),

empty_days as (
    select * from {{ table }}
    where check = 'day_has_events' and failing_rows > 0
)

select
    'the table is not empty' as check_name,
    if(count(*) = 0, 1, 0) as failing_rows,
    'rows: ' || cast(count(*) as varchar) as detail
from {{ table }}
union all
select
    'one row for a day and check' as check_name,
    count_if(copies > 1 or check is null) as failing_rows,
    '' as detail
from copies
union all
select
    'no more rows fail than there are, and the rate is theirs' as check_name,
    count_if(
        failing_rows < 0 or failing_rows > "rows" or "rows" < 1 or rate is distinct from failing_rows * 1e0 / "rows"
    ) as failing_rows,
    '' as detail
from {{ table }}
union all
select
    'events and repeated ones are those of the activity, day by day' as check_name,
    count_if(
        repetitions."rows" is distinct from events.events
        or repetitions.failing_rows is distinct from events.repeated
    ) as failing_rows,
    'days: ' || cast(count(*) as varchar) as detail
from repetitions
full outer join events on repetitions.day = events.day
union all
select
    'every line of the quarantine is counted' as check_name,
    abs(
        coalesce(sum(failing_rows), 0)
        - (select count(*) from {{ database }}.ecomm_user_activity_quarantine)
    ) as failing_rows,
    'lines: ' || cast(coalesce(sum(failing_rows), 0) as varchar) as detail
from {{ table }}
where check = 'line_is_readable'
union all
select
    'a day is called empty only where the activity has none of it' as check_name,
    count_if(events.day is not null) as failing_rows,
    'empty days: ' || cast(count(*) as varchar) as detail
from empty_days
left join events on empty_days.day = events.day
