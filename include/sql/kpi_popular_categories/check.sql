-- One row per check. If rows fail one, the table is not published.
with copies as (
    select
        day,
        audience,
        category_code,
        count(*) as copies
    from {{ this }}
    group by day, audience, category_code
),

expected as (
    select
        cast(activity.hour as date) as day,
        audiences.audience,
        activity.category_code,
        count(distinct activity.user_id) as visitors,
        sum(activity.events) as events,
        sum(if(activity.event_type = 'view', activity.events, 0)) as views,
        sum(if(activity.event_type = 'cart', activity.events, 0)) as carts,
        sum(if(activity.event_type = 'purchase', activity.events, 0)) as purchases,
        sum(if(activity.event_type = 'purchase', activity.amount, decimal '0.00')) as revenue
    from {{ table('agg_activity') }} as activity
    left join {{ table('suspicious_users') }} as suspicious on activity.user_id = suspicious.user_id
    cross join (values 'all', 'human') as audiences (audience)
    where audiences.audience = 'all' or suspicious.user_id is null
    group by cast(activity.hour as date), audiences.audience, activity.category_code
),

places as (
    select
        rank_by_views,
        rank_by_revenue,
        rank() over (partition by day, audience order by views desc) as place_by_views,
        rank() over (partition by day, audience order by revenue desc) as place_by_revenue
    from {{ this }}
    where category_code is not null
)

select
    'the table is not empty' as check_name,
    if(count(*) = 0, 1, 0) as failing_rows,
    'rows: ' || cast(count(*) as varchar) as detail
from {{ this }}
union all
select
    'one row for a day, audience and category' as check_name,
    count_if(copies > 1) as failing_rows,
    '' as detail
from copies
union all
select
    'events, visitors and revenue are those of the activity, row by row' as check_name,
    count_if(
        categories.visitors is distinct from expected.visitors
        or categories.events is distinct from expected.events
        or categories.views is distinct from expected.views
        or categories.carts is distinct from expected.carts
        or categories.purchases is distinct from expected.purchases
        or categories.revenue is distinct from expected.revenue
    ) as failing_rows,
    'days: ' || cast(count(distinct expected.day) as varchar) as detail
from {{ this }} as categories
full outer join expected
    on
        categories.day = expected.day
        and categories.audience = expected.audience
        -- A full join asks for equal keys; no code is empty.
        and coalesce(categories.category_code, '') = coalesce(expected.category_code, '')
union all
select
    'a category has its place by views and by revenue' as check_name,
    count_if(
        rank_by_views is distinct from place_by_views or rank_by_revenue is distinct from place_by_revenue
    ) as failing_rows,
    '' as detail
from places
union all
select
    'events without a category have no rank' as check_name,
    count_if(rank_by_views is not null or rank_by_revenue is not null) as failing_rows,
    '' as detail
from {{ this }}
where category_code is null
