-- All clicks, and the new users, of each window of 5 s that has any.
create temporary view traffic_windows as
select
    window_start,
    window_end,
    window_time as moment,
    sum(clicks) as events,
    count(1) filter (where windows = 1) as new_users
from table(tumble(table user_windows_of_the_hour, descriptor(moment), interval '5' second))
group by window_start, window_end, window_time
