-- One row per check. If rows fail one, the table is not published. The table may be empty.
with users as (
    select
        user_id,
        count(*) as copies
    from {{ this }}
    group by user_id
),

hours as (
    select
        user_id,
        hour,
        sum(events) as events,
        sum(repeated_events) as repeats,
        sum(if(event_type = 'view', events, 0)) as views,
        sum(if(event_type = 'cart', events, 0)) as carts,
        sum(if(event_type = 'purchase', events, 0)) as purchases
    from {{ table('agg_activity') }}
    group by user_id, hour
),

rule_breakers as (
    select user_id
    from hours
    where
        events > {{ thresholds.events_per_hour }}
        or carts > {{ thresholds.carts_per_hour }}
        or repeats > {{ thresholds.repeats_per_hour }}
        or user_id {{ reserved_users }}
    union
    select user_id
    from hours
    group by user_id, cast(hour as date)
    having
        count(*) > {{ thresholds.hours_per_day }}
        or (sum(views) > {{ thresholds.views_without_end }} and sum(carts) + sum(purchases) = 0)
)

select
    'one row a user' as check_name,
    count_if(copies > 1 or user_id is null) as failing_rows,
    'users: ' || cast(count(*) as varchar) as detail
from users
union all
select
    'every user breaks the rule that is named' as check_name,
    count_if(
        case
            when user_id {{ reserved_users }} then reason is distinct from 'reserved'
            when reason = 'events_per_hour' then events_in_busiest_hour <= {{ thresholds.events_per_hour }}
            when reason = 'carts_per_hour' then carts_in_busiest_hour <= {{ thresholds.carts_per_hour }}
            when reason = 'repeats_per_hour' then repeats_in_busiest_hour <= {{ thresholds.repeats_per_hour }}
            when reason = 'hours_per_day' then hours_in_busiest_day <= {{ thresholds.hours_per_day }}
            when reason = 'views_without_end' then views_without_end <= {{ thresholds.views_without_end }}
            else true
        end
    ) as failing_rows,
    '' as detail
from {{ this }}
union all
select
    'whoever breaks a rule is listed, and nobody else' as check_name,
    count_if(users.user_id is null or rule_breakers.user_id is null) as failing_rows,
    '' as detail
from users
full outer join rule_breakers on users.user_id = rule_breakers.user_id
