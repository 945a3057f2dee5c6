-- How many sessions put something into the cart and left without buying, and what it was worth.
--
-- Grain: day (UTC, of the session's first event), audience. Source: agg_sessions.
-- Sessions that bought without a recorded cart (most of them before 8 November 2019) are in neither count.
with sessions as (
    select
        sessions.day,
        audiences.audience,
        sessions.carts > 0 as has_cart,
        sessions.carts > 0 and sessions.purchases = 0 as abandoned,
        sessions.cart_value
    from {{ database }}.agg_sessions as sessions
    cross join (values 'all', 'human') as audiences (audience)
    where audiences.audience = 'all' or not sessions.suspicious
)

select
    day,
    audience,
    count_if(has_cart) as sessions_with_cart,
    count_if(abandoned) as sessions_abandoned,
    count_if(abandoned) * 1e0 / nullif(count_if(has_cart), 0) as abandonment_rate,
    sum(if(abandoned, cart_value, decimal '0.00')) as abandoned_value
from sessions
group by day, audience
