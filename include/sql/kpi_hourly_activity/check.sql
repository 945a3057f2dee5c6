-- One row per check. If rows fail one, the table is not published.
with copies as (
    select
        hour,
        category_code,
        event_type,
        audience,
        count(*) as copies
    from {{ this }}
    group by hour, category_code, event_type, audience
),

expected as (
    select
        activity.hour,
        activity.category_code,
        activity.event_type,
        audiences.audience,
        sum(activity.events) as events,
        count(distinct activity.user_id) as visitors,
        sum(if(activity.event_type = 'purchase', activity.amount, decimal '0.00')) as revenue
    from {{ table('agg_activity') }} as activity
    left join {{ table('suspicious_users') }} as suspicious on activity.user_id = suspicious.user_id
    cross join (values 'all', 'human') as audiences (audience)
    where audiences.audience = 'all' or suspicious.user_id is null
    group by activity.hour, activity.category_code, activity.event_type, audiences.audience
)

select
    'the table is not empty' as check_name,
    if(count(*) = 0, 1, 0) as failing_rows,
    'rows: ' || cast(count(*) as varchar) as detail
from {{ this }}
union all
select
    'one row for an hour, category, event type and audience' as check_name,
    count_if(copies > 1) as failing_rows,
    '' as detail
from copies
union all
select
    'events, visitors and revenue are those of the activity, row by row' as check_name,
    count_if(
        hourly.events is distinct from expected.events
        or hourly.visitors is distinct from expected.visitors
        or hourly.revenue is distinct from expected.revenue
    ) as failing_rows,
    'hours: ' || cast(count(distinct expected.hour) as varchar) as detail
from {{ this }} as hourly
full outer join expected
    on
        hourly.hour = expected.hour
        -- A full join asks for equal keys; no code is empty.
        and coalesce(hourly.category_code, '') = coalesce(expected.category_code, '')
        and hourly.event_type = expected.event_type
        and hourly.audience = expected.audience
