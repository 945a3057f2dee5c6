-- One row per check. If rows fail one, the table is not published.
with copies as (
    select
        day,
        check,
        count(*) as copies
    from {{ this }}
    group by day, check
),

expected as (
    select
        cast(activity.hour as date) as day,
        sum(activity.events) as events,
        sum(activity.events) - sum(if(activity.category_code is not null, activity.events, 0)) as without_category_code,
        sum(activity.events_without_brand) as without_brand,
        sum(activity.events_without_price) as without_price,
        sum(activity.events) - sum(if(activity.user_session is not null, activity.events, 0)) as without_session,
        sum(activity.repeated_events) as repeated,
        sum(activity.events) - sum(if(suspicious.user_id is null, activity.events, 0)) as of_suspicious_users
    from {{ table('agg_activity') }} as activity
    left join {{ table('suspicious_users') }} as suspicious on activity.user_id = suspicious.user_id
    group by cast(activity.hour as date)
),

-- Of each day with events what the checks looked at and found.
daily as (
    select
        day,
        min(if(check not in ('day_has_events', 'line_is_readable'), "rows")) as fewest_events,
        max(if(check not in ('day_has_events', 'line_is_readable'), "rows")) as most_events,
        sum(if(check = 'line_is_readable', "rows" - failing_rows)) as readable,
        sum(if(check = 'category_code_is_known', failing_rows)) as without_category_code,
        sum(if(check = 'brand_is_known', failing_rows)) as without_brand,
        sum(if(check = 'price_is_above_zero', failing_rows)) as without_price,
        sum(if(check = 'session_is_known', failing_rows)) as without_session,
        sum(if(check = 'event_is_not_repeated', failing_rows)) as repeated,
        sum(if(check = 'user_is_not_suspicious', failing_rows)) as of_suspicious_users
    from {{ this }}
    group by day
    having sum("rows") > sum(failing_rows)
),

calendar as (
    select
        day,
        "rows" as days,
        failing_rows,
        lead(day) over (order by day) as next_day
    from {{ this }}
    where check = 'day_has_events'
)

select
    'the table is not empty' as check_name,
    if(count(*) = 0, 1, 0) as failing_rows,
    'rows: ' || cast(count(*) as varchar) as detail
from {{ this }}
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
from {{ this }}
union all
select
    'what fails is what the activity has, day by day' as check_name,
    count_if(
        daily.fewest_events is distinct from expected.events
        or daily.most_events is distinct from expected.events
        or daily.readable is distinct from expected.events
        or daily.without_category_code is distinct from expected.without_category_code
        or daily.without_brand is distinct from expected.without_brand
        or daily.without_price is distinct from expected.without_price
        or daily.without_session is distinct from expected.without_session
        or daily.repeated is distinct from expected.repeated
        or daily.of_suspicious_users is distinct from expected.of_suspicious_users
    ) as failing_rows,
    'days: ' || cast(count(*) as varchar) as detail
from daily
full outer join expected on daily.day = expected.day
union all
select
    'every line of the quarantine is counted' as check_name,
    abs(
        coalesce(sum(failing_rows), 0)
        - (select count(*) from {{ table('ecomm_user_activity_quarantine') }})
    ) as failing_rows,
    'lines: ' || cast(coalesce(sum(failing_rows), 0) as varchar) as detail
from {{ this }}
where check = 'line_is_readable'
union all
select
    'a day is empty where the activity has none of it, and no other' as check_name,
    count_if(
        calendar.days is distinct from 1 or calendar.failing_rows is distinct from if(expected.day is null, 1, 0)
    ) as failing_rows,
    'empty days: ' || cast(coalesce(sum(calendar.failing_rows), 0) as varchar) as detail
from calendar
full outer join expected on calendar.day = expected.day
union all
select
    'a day is followed by the next, and a month by one that is loaded' as check_name,
    count_if(
        date_diff('day', day, next_day) <> 1
        and not (day(day + interval '1' day) = 1 and day(next_day) = 1)
    ) as failing_rows,
    '' as detail
from calendar
