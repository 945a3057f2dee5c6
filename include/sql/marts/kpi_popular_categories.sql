-- What each category drew and sold on each day, and its rank.
--
-- Grain: day (UTC), audience, category_code. Sources: agg_activity, suspicious_users.
-- Events without a code are kept in a row whose code and ranks are null, so that the sums over categories are complete.
with activity as (
    select
        cast(activity.hour as date) as day,
        activity.category_code,
        activity.user_id,
        activity.event_type,
        activity.events,
        activity.amount,
        audiences.audience
    from {{ database }}.agg_activity as activity
    left join {{ database }}.suspicious_users as suspicious on activity.user_id = suspicious.user_id
    cross join (values 'all', 'human') as audiences (audience)
    where audiences.audience = 'all' or suspicious.user_id is null
),

categories as (
    select
        day,
        audience,
        category_code,
        count(distinct user_id) as visitors,
        sum(events) as events,
        sum(if(event_type = 'view', events, 0)) as views,
        sum(if(event_type = 'cart', events, 0)) as carts,
        sum(if(event_type = 'purchase', events, 0)) as purchases,
        sum(if(event_type = 'purchase', amount, decimal '0.00')) as revenue
    from activity
    group by day, audience, category_code
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
