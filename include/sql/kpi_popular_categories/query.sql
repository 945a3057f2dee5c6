-- Events without a code have a row whose code and ranks are null, so that sums over categories are complete.
with category_visitors as (
    select
        cast(hour as date) as day,
        category_code,
        user_id,
        sum(events) as events,
        sum(if(event_type = 'view', events, 0)) as views,
        sum(if(event_type = 'cart', events, 0)) as carts,
        sum(if(event_type = 'purchase', events, 0)) as purchases,
        sum(if(event_type = 'purchase', amount, decimal '0.00')) as revenue
    from {{ table('agg_activity') }}
    group by cast(hour as date), category_code, user_id
),

categories as (
    select
        category_visitors.day,
        audiences.audience,
        category_visitors.category_code,
        count(*) as visitors,
        sum(category_visitors.events) as events,
        sum(category_visitors.views) as views,
        sum(category_visitors.carts) as carts,
        sum(category_visitors.purchases) as purchases,
        sum(category_visitors.revenue) as revenue
    from category_visitors
    left join {{ table('suspicious_users') }} as suspicious on category_visitors.user_id = suspicious.user_id
    cross join (values cast('all' as varchar), cast('human' as varchar)) as audiences (audience)
    where audiences.audience = 'all' or suspicious.user_id is null
    group by category_visitors.day, audiences.audience, category_visitors.category_code
),

ranked as (
    select
        *,
        rank() over (partition by day, audience, category_code is null order by views desc) as views_rank,
        rank() over (partition by day, audience, category_code is null order by revenue desc) as revenue_rank
    from categories
)

select
    day,
    audience,
    category_code,
    visitors,
    events,
    views,
    carts,
    purchases,
    revenue,
    if(category_code is not null, views_rank) as rank_by_views,
    if(category_code is not null, revenue_rank) as rank_by_revenue
from ranked
