-- One row per check. If rows fail one, the table is not published.
with copies as (
    select
        user_session,
        count(*) as copies
    from {{ this }}
    group by user_session
),

totals as (
    select
        count(*) as sessions,
        max(last_event_time) as last_event_time,
        sum(views) as views,
        sum(carts) as carts,
        sum(purchases) as purchases,
        sum(cart_value) as cart_value,
        sum(revenue) as revenue
    from {{ this }}
),

expected as (
    select
        count(distinct user_session) as sessions,
        max(last_event_time) as last_event_time,
        sum(if(event_type = 'view', events, 0)) as views,
        sum(if(event_type = 'cart', events, 0)) as carts,
        sum(if(event_type = 'purchase', events, 0)) as purchases,
        sum(if(event_type = 'cart', amount, decimal '0.00')) as cart_value,
        sum(if(event_type = 'purchase', amount, decimal '0.00')) as revenue
    from {{ table('agg_activity') }}
    where user_session is not null
),

suspicious_sessions as (
    select count(distinct activity.user_session) as sessions
    from {{ table('agg_activity') }} as activity
    inner join {{ table('suspicious_users') }} as suspicious on activity.user_id = suspicious.user_id
)

select
    'one row a session' as check_name,
    count_if(copies > 1 or user_session is null) as failing_rows,
    'sessions: ' || cast(count(*) as varchar) as detail
from copies
union all
select
    'day and users are known, and the first event is not after the last' as check_name,
    count_if(
        day is null
        or day <> cast(first_event_time as date)
        or coalesce(users, 0) < 1
        or suspicious is null
        or first_event_time > last_event_time
    ) as failing_rows,
    '' as detail
from {{ this }}
union all
select
    'sessions, events and money are those of the activity, and as fresh' as check_name,
    count_if(
        totals.sessions is distinct from expected.sessions
        or totals.last_event_time is distinct from expected.last_event_time
        or totals.views is distinct from expected.views
        or totals.carts is distinct from expected.carts
        or totals.purchases is distinct from expected.purchases
        or totals.cart_value is distinct from expected.cart_value
        or totals.revenue is distinct from expected.revenue
    ) as failing_rows,
    '' as detail
from totals
cross join expected
union all
select
    'the sessions of suspicious users are suspicious, and no other' as check_name,
    abs(count_if(suspicious) - (select suspicious_sessions.sessions from suspicious_sessions)) as failing_rows,
    'suspicious sessions: ' || cast(count_if(suspicious) as varchar) as detail
from {{ this }}
