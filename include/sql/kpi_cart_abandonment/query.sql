-- A session that bought without a recorded cart counts neither as one with a cart nor as abandoned.
with sessions as (
    select
        sessions.day,
        audiences.audience,
        sessions.cart_value,
        sessions.carts > 0 as has_cart,
        sessions.carts > 0 and sessions.purchases = 0 as abandoned,
        sessions.carts = 0 and sessions.purchases > 0 as bought_without_cart
    from {{ table('agg_sessions') }} as sessions
    cross join (values cast('all' as varchar), cast('human' as varchar)) as audiences (audience)
    where audiences.audience = 'all' or not sessions.suspicious
)

select
    day,
    audience,
    count_if(has_cart) as sessions_with_cart,
    count_if(abandoned) as sessions_abandoned,
    count_if(abandoned) * 1e0 / nullif(count_if(has_cart), 0) as abandonment_rate,
    sum(if(abandoned, cart_value, decimal '0.00')) as abandoned_value,
    count_if(bought_without_cart) as sessions_bought_without_cart
from sessions
group by day, audience
