-- A rule looks at a day's events, at its lines, or at the day itself.
with daily_events as (
    select
        cast(activity.hour as date) as day,
        sum(activity.events) as events,
        sum(if(activity.category_code is null, activity.events, 0)) as without_category_code,
        sum(activity.events_without_brand) as without_brand,
        sum(activity.events_without_price) as without_price,
        sum(if(activity.user_session is null, activity.events, 0)) as without_session,
        sum(activity.repeated_events) as repeated,
        sum(if(suspicious.user_id is null, 0, activity.events)) as of_suspicious_users
    from {{ table('agg_activity') }} as activity
    left join {{ table('suspicious_users') }} as suspicious on activity.user_id = suspicious.user_id
    group by cast(activity.hour as date)
),

daily_lines as (
    select
        if(substr(line, 1, 7) = p_year || '-' || p_month, try_cast(substr(line, 1, 10) as date)) as day,
        count(*) as quarantined
    from {{ table('ecomm_user_activity_quarantine') }}
    group by if(substr(line, 1, 7) = p_year || '-' || p_month, try_cast(substr(line, 1, 10) as date))
),

measured as (
    select
        coalesce(daily_events.day, daily_lines.day) as day,
        lead(coalesce(daily_events.day, daily_lines.day)) over (
            order by coalesce(daily_events.day, daily_lines.day) nulls last
        ) as next_day,
        coalesce(daily_events.events, 0) as events,
        coalesce(daily_events.without_category_code, 0) as without_category_code,
        coalesce(daily_events.without_brand, 0) as without_brand,
        coalesce(daily_events.without_price, 0) as without_price,
        coalesce(daily_events.without_session, 0) as without_session,
        coalesce(daily_events.repeated, 0) as repeated,
        coalesce(daily_events.of_suspicious_users, 0) as of_suspicious_users,
        coalesce(daily_lines.quarantined, 0) as quarantined
    from daily_events
    full outer join daily_lines on daily_events.day = daily_lines.day
),

-- Each day, and those after it up to the next that is loaded: in the calendar, if not in the data.
calendar as (
    select
        days.day,
        days.day is not distinct from measured.day as loaded,
        measured.events,
        measured.without_category_code,
        measured.without_brand,
        measured.without_price,
        measured.without_session,
        measured.repeated,
        measured.of_suspicious_users,
        measured.quarantined
    from measured
    cross join
        unnest(
            if(
                measured.day is null,
                array[measured.day],
                sequence(measured.day, coalesce(measured.next_day - interval '1' day, measured.day), interval '1' day)
            )
        ) as days (day)
    where
        days.day is null
        or date_trunc('month', days.day) in (
            date_trunc('month', measured.day), date_trunc('month', coalesce(measured.next_day, measured.day))
        )
)

select
    calendar.day,
    checks.check,
    checks."rows",
    checks.failing_rows,
    checks.failing_rows * 1e0 / checks."rows" as rate
from calendar
cross join
    unnest(
        array[
            cast('day_has_events' as varchar),
            'line_is_readable',
            'category_code_is_known',
            'brand_is_known',
            'price_is_above_zero',
            'session_is_known',
            'event_is_not_repeated',
            'user_is_not_suspicious'
        ],
        array[
            if(calendar.day is null, 0, 1),
            calendar.events + calendar.quarantined,
            calendar.events,
            calendar.events,
            calendar.events,
            calendar.events,
            calendar.events,
            calendar.events
        ],
        array[
            if(calendar.events > 0 and calendar.loaded, 0, 1),
            calendar.quarantined,
            calendar.without_category_code,
            calendar.without_brand,
            calendar.without_price,
            calendar.without_session,
            calendar.repeated,
            calendar.of_suspicious_users
        ]
    ) as checks (check, "rows", failing_rows)
where checks."rows" > 0 and (calendar.loaded or checks.check = 'day_has_events')
