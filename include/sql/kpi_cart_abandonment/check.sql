-- One row per check. If rows fail one, the table is not published.
with copies as (
    select
        day,
        audience,
        count(*) as copies
    from {{ this }}
    group by day, audience
),

expected as (
    select
        sessions.day,
        audiences.audience,
        count_if(sessions.carts > 0) as sessions_with_cart,
        count_if(sessions.carts > 0 and sessions.purchases = 0) as sessions_abandoned,
        count_if(sessions.carts = 0 and sessions.purchases > 0) as sessions_bought_without_cart,
        sum(if(sessions.purchases = 0, sessions.cart_value, decimal '0.00')) as abandoned_value
    from {{ table('agg_sessions') }} as sessions
    cross join (values 'all', 'human') as audiences (audience)
    where audiences.audience = 'all' or not sessions.suspicious
    group by sessions.day, audiences.audience
)

select
    'one row for a day and audience' as check_name,
    count_if(copies > 1) as failing_rows,
    'rows: ' || cast(count(*) as varchar) as detail
from copies
union all
select
    'the abandonment rate is that of the sessions' as check_name,
    count_if(
        abandonment_rate is distinct from sessions_abandoned * 1e0 / nullif(sessions_with_cart, 0)
    ) as failing_rows,
    '' as detail
from {{ this }}
union all
select
    'sessions and the abandoned value are those of agg_sessions, by day and audience' as check_name,
    count_if(
        carts.sessions_with_cart is distinct from expected.sessions_with_cart
        or carts.sessions_abandoned is distinct from expected.sessions_abandoned
        or carts.sessions_bought_without_cart is distinct from expected.sessions_bought_without_cart
        or carts.abandoned_value is distinct from expected.abandoned_value
    ) as failing_rows,
    'days: ' || cast(count(distinct expected.day) as varchar) as detail
from {{ this }} as carts
full outer join expected on carts.day = expected.day and carts.audience = expected.audience
