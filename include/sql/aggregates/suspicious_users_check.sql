-- One row a check; failing_rows above zero keeps the new table from being published. The table may be empty.
with users as (
    select
        user_id,
        count(*) as copies
    from {{ table }}
    group by user_id
),

active_users as (
    select distinct user_id
    from {{ database }}.agg_activity
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
        case reason
            when 'events_per_hour' then events_in_busiest_hour <= {{ thresholds.events_per_hour }}
            when 'carts_per_hour' then carts_in_busiest_hour <= {{ thresholds.carts_per_hour }}
            when 'repeats_per_hour' then repeats_in_busiest_hour <= {{ thresholds.repeats_per_hour }}
            when 'hours_per_day' then hours_in_busiest_day <= {{ thresholds.hours_per_day }}
            when 'views_without_end' then views_without_end <= {{ thresholds.views_without_end }}
            else true
        end
    ) as failing_rows,
    '' as detail
from {{ table }}
union all
select
    'every user has activity' as check_name,
    count_if(active_users.user_id is null) as failing_rows,
    '' as detail
from users
left join active_users on users.user_id = active_users.user_id
