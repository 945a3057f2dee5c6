-- One row per check. If rows fail one, the table is not published.
with copies as (
    select
        day,
        audience,
        count(*) as copies
    from {{ this }}
    group by day, audience
),

-- Computed in another way than by the query, so that a mistake is not in both.
expected as (
    select
        cast(hour as date) as day,
        'all' as audience,
        sum(events) as events
    from {{ table('agg_activity') }}
    group by cast(hour as date)
    union all
    select
        cast(hour as date) as day,
        'human' as audience,
        sum(events) as events
    from {{ table('agg_activity') }}
    where user_id not in (select suspicious.user_id from {{ table('suspicious_users') }} as suspicious)
    group by cast(hour as date)
)

select
    'the table is not empty' as check_name,
    if(count(*) = 0, 1, 0) as failing_rows,
    'rows: ' || cast(count(*) as varchar) as detail
from {{ this }}
union all
select
    'one row per day and audience' as check_name,
    count_if(copies > 1) as failing_rows,
    '' as detail
from copies
union all
select
    'events are those of the activity, by day and audience' as check_name,
    count_if(kpi.events is distinct from expected.events) as failing_rows,
    'days: ' || cast(count(distinct expected.day) as varchar) as detail
from {{ this }} as kpi
full outer join expected on kpi.day = expected.day and kpi.audience = expected.audience
