-- One row a check; failing_rows above zero keeps the new table from being published where the severity is error, and is
-- only told where it is warn.
with keys as (
    select
        hour,
        category_code,
        event_type,
        user_id,
        user_session,
        count(*) as copies
    from {{ table }}
    group by hour, category_code, event_type, user_id, user_session
)

select
    'the table is not empty' as check_name,
    'error' as severity,
    if(count(*) = 0, 1, 0) as failing_rows,
    'rows: ' || cast(count(*) as varchar) as detail
from {{ table }}
union all
select
    'one row for an hour, category, event type, user and session' as check_name,
    'error' as severity,
    count_if(copies > 1) as failing_rows,
    'groups: ' || cast(count(*) as varchar) as detail
from keys
union all
select
    'as many events as the fact has' as check_name,
    'error' as severity,
    abs(coalesce(sum(events), 0) - (select count(*) from {{ database }}.ecomm_user_activity)) as failing_rows,
    'events: ' || cast(sum(events) as varchar) as detail
from {{ table }}
union all
select
    'as fresh as the fact' as check_name,
    'error' as severity,
    if(
        max(last_event_time) is distinct from (
            select max(fact.event_time) from {{ database }}.ecomm_user_activity as fact
        ),
        1, 0
    ) as failing_rows,
    'newest event: ' || cast(max(last_event_time) as varchar) as detail
from {{ table }}
union all
select
    'hour, event type and user are known' as check_name,
    'error' as severity,
    count_if(hour is null or event_type is null or user_id is null) as failing_rows,
    '' as detail
from {{ table }}
union all
select
    'a row counts at least one event, and its events lie in its hour' as check_name,
    'error' as severity,
    count_if(
        events < 1
        or events <= repeated_events
        or date_trunc('hour', first_event_time) <> hour
        or date_trunc('hour', last_event_time) <> hour
        or first_event_time > last_event_time
    ) as failing_rows,
    '' as detail
from {{ table }}
union all
select
    'few events repeat another' as check_name,
    'warn' as severity,
    if(
        sum(repeated_events) > {{ thresholds.repeated_share }} * sum(events), sum(repeated_events), 0
    ) as failing_rows,
    'repeated: ' || cast(sum(repeated_events) as varchar) as detail
from {{ table }}
