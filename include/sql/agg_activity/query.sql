-- Repeated events all count; repeated_events says how many equal an earlier one.
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
    from {{ table('ecomm_user_activity') }}
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
