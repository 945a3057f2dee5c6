-- One row per check. If rows fail an error, the table is not published; a warning is only reported.
with keys as (
    select
        hour,
        category_code,
        event_type,
        user_id,
        user_session,
        count(*) as copies
    from {{ this }}
    group by hour, category_code, event_type, user_id, user_session
),

fact as (
    select
        date_trunc('hour', event_time) as hour,
        category_code,
        event_type,
        count(*) as events,
        count_if(repeated) as repeated_events,
        count_if(brand is null) as events_without_brand,
        count_if(price <= 0) as events_without_price,
        sum(price) as amount,
        min(event_time) as first_event_time,
        max(event_time) as last_event_time
    from {{ table('ecomm_user_activity') }}
    group by date_trunc('hour', event_time), category_code, event_type
),

activity as (
    select
        hour,
        category_code,
        event_type,
        sum(events) as events,
        sum(repeated_events) as repeated_events,
        sum(events_without_brand) as events_without_brand,
        sum(events_without_price) as events_without_price,
        sum(amount) as amount,
        min(first_event_time) as first_event_time,
        max(last_event_time) as last_event_time
    from {{ this }}
    group by hour, category_code, event_type
)

select
    'the table is not empty' as check_name,
    'error' as severity,
    if(count(*) = 0, 1, 0) as failing_rows,
    'rows: ' || cast(count(*) as varchar) as detail
from {{ this }}
union all
select
    'one row for an hour, category, event type, user and session' as check_name,
    'error' as severity,
    count_if(copies > 1) as failing_rows,
    'groups: ' || cast(count(*) as varchar) as detail
from keys
union all
select
    'events, times and money are those of the fact, by hour, category and event type' as check_name,
    'error' as severity,
    count_if(
        activity.events is distinct from fact.events
        or activity.repeated_events is distinct from fact.repeated_events
        or activity.events_without_brand is distinct from fact.events_without_brand
        or activity.events_without_price is distinct from fact.events_without_price
        or activity.amount is distinct from fact.amount
        or activity.first_event_time is distinct from fact.first_event_time
        or activity.last_event_time is distinct from fact.last_event_time
    ) as failing_rows,
    'events: ' || cast(coalesce(sum(fact.events), 0) as varchar) as detail
from activity
full outer join fact
    on
        activity.hour = fact.hour
        -- A full join asks for equal keys; no code is empty.
        and coalesce(activity.category_code, '') = coalesce(fact.category_code, '')
        and activity.event_type = fact.event_type
union all
select
    'hour, event type and user are known' as check_name,
    'error' as severity,
    count_if(hour is null or event_type is null or user_id is null) as failing_rows,
    '' as detail
from {{ this }}
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
from {{ this }}
union all
select
    'few events repeat another' as check_name,
    'warn' as severity,
    if(
        sum(repeated_events) > {{ thresholds.repeated_share }} * sum(events), sum(repeated_events), 0
    ) as failing_rows,
    'repeated: ' || cast(sum(repeated_events) as varchar) as detail
from {{ this }}
