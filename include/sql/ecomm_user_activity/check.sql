-- The converted months, before they are published. One row per check. If rows fail an error, no month is published;
-- a warning is a hole in the data itself and only reported.
with loaded_days as (
    select
        cast(event_time as date) as day,
        lead(cast(event_time as date)) over (partition by p_year, p_month order by cast(event_time as date)) as next_day
    from {{ this }}
    group by p_year, p_month, cast(event_time as date)
)

select
    'time, type, product, category, price and user are known' as check_name,
    'error' as severity,
    count_if(
        event_time is null
        or event_type is null
        or product_id is null
        or category_id is null
        or price is null
        or user_id is null
    ) as failing_rows,
    'events: ' || cast(count(*) as varchar) as detail
from {{ this }}
union all
select
    'an event lies in the month of its partition' as check_name,
    'error' as severity,
    count_if(date_format(event_time, '%Y-%m') <> p_year || '-' || p_month) as failing_rows,
    '' as detail
from {{ this }}
union all
select
    'the event type is view, cart, purchase or remove_from_cart' as check_name,
    'error' as severity,
    count_if(event_type not in ('view', 'cart', 'purchase', 'remove_from_cart')) as failing_rows,
    '' as detail
from {{ this }}
union all
select
    'no day without an event between the first and the last of a month' as check_name,
    'warn' as severity,
    coalesce(sum(date_diff('day', day, next_day) - 1), 0) as failing_rows,
    'days with events: ' || cast(count(*) as varchar) as detail
from loaded_days
union all
select
    'no event lies in the future' as check_name,
    'warn' as severity,
    count_if(event_time > current_timestamp) as failing_rows,
    'newest event: ' || cast(max(event_time) as varchar) as detail
from {{ this }}
