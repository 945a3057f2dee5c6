-- Repeated events all count; the job that wrote the events says which equal an earlier one.
select
    date_trunc('hour', event_time) as hour,
    category_code,
    event_type,
    user_id,
    user_session,
    count(*) as events,
    count_if(repeated) as repeated_events,
    count_if(brand is null) as events_without_brand,
    count_if(price <= 0) as events_without_price,
    sum(price) as amount,
    min(event_time) as first_event_time,
    max(event_time) as last_event_time
from {{ table('ecomm_user_activity') }}
group by date_trunc('hour', event_time), category_code, event_type, user_id, user_session
