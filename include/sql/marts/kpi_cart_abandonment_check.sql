-- One row a check; failing_rows above zero keeps the new table from being published.
with copies as (
    select
        day,
        audience,
        count(*) as copies
    from {{ table }}
    group by day, audience
),

expected as (
    select
        count_if(carts > 0) as sessions_with_cart,
        count_if(carts > 0 and purchases = 0) as sessions_abandoned,
        count_if(carts = 0 and purchases > 0) as sessions_bought_without_cart,
        sum(if(purchases = 0, cart_value, decimal '0.00')) as abandoned_value
    from {{ database }}.agg_sessions
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
        sum(sessions_with_cart) as sessions_with_cart,
        sum(sessions_abandoned) as sessions_abandoned,
        sum(sessions_bought_without_cart) as sessions_bought_without_cart,
        sum(abandoned_value) as abandoned_value
    from everybody
)

select
    'the table is not empty' as check_name,
    if(count(*) = 0, 1, 0) as failing_rows,
    'rows: ' || cast(count(*) as varchar) as detail
from {{ table }}
union all
select
    'one row for a day and audience' as check_name,
    count_if(copies > 1 or day is null or audience not in ('all', 'human')) as failing_rows,
    '' as detail
from copies
union all
select
    'the abandonment rate lies between 0 and 1, and is known where a session has a cart' as check_name,
    count_if(
        abandonment_rate < 0
        or abandonment_rate > 1
        or (sessions_with_cart > 0 and abandonment_rate is null)
        or sessions_abandoned > sessions_with_cart
    ) as failing_rows,
    '' as detail
from {{ table }}
union all
select
    'sessions and the abandoned value of all are those of agg_sessions' as check_name,
    count_if(
        totals.sessions_with_cart is distinct from expected.sessions_with_cart
        or totals.sessions_abandoned is distinct from expected.sessions_abandoned
        or totals.sessions_bought_without_cart is distinct from expected.sessions_bought_without_cart
        or totals.abandoned_value is distinct from expected.abandoned_value
    ) as failing_rows,
    '' as detail
from totals
cross join expected
union all
select
    'people are not more than all' as check_name,
    count_if(
        everybody.day is null
        or people.sessions_with_cart > everybody.sessions_with_cart
        or people.sessions_abandoned > everybody.sessions_abandoned
        or people.sessions_bought_without_cart > everybody.sessions_bought_without_cart
        or people.abandoned_value > everybody.abandoned_value
    ) as failing_rows,
    '' as detail
from people
left join everybody on people.day = everybody.day
