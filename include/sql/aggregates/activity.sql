-- What each user did in each session, hour by hour: the only query that reads the events.
--
-- Grain: hour (UTC), category_code, event_type, user_id, user_session. Code and session may be null.
-- Source: ecomm_user_activity.
-- amount is the sum of the prices, whatever the event: the revenue of purchases, the cart value of carts. Events that
-- are alike in all columns all count; repeated_events says how many of them are not the first.
with distinct_events as (
    select
        event_time,
        event_type,
        product_id,
        category_id,
        category_code,
        brand,
        price,
        user_id,
        user_session,
        count(*) as copies
    from {{ database }}.ecomm_user_activity
    group by event_time, event_type, product_id, category_id, category_code, brand, price, user_id, user_session
)

select
    date_trunc('hour', event_time) as hour,
    category_code,
    event_type,
    user_id,
    user_session,
    sum(copies) as events,
    sum(copies - 1) as repeated_events,
    sum(if(brand is null, copies, 0)) as events_without_brand,
    sum(if(price <= 0, copies, 0)) as events_without_price,
    sum(price * copies) as amount,
    min(event_time) as first_event_time,
    max(event_time) as last_event_time
from distinct_events
group by date_trunc('hour', event_time), category_code, event_type, user_id, user_session
