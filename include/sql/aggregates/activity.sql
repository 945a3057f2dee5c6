-- What each user did in each session, hour by hour: the only query that reads the events.
--
-- Grain: hour (UTC), category_code, event_type, user_id, user_session. Code and session may be null.
-- Source: ecomm_user_activity.
-- amount is the sum of the prices, whatever the event: the revenue of purchases, the cart value of carts.
select
    date_trunc('hour', event_time) as hour,
    category_code,
    event_type,
    user_id,
    user_session,
    count(*) as events,
    sum(price) as amount,
    min(event_time) as first_event_time,
    max(event_time) as last_event_time
from {{ database }}.ecomm_user_activity
group by date_trunc('hour', event_time), category_code, event_type, user_id, user_session
