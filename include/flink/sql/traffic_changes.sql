-- What each click changes in the traffic of its window, as soon as it is read: an event, and maybe a new user.
create temporary view traffic_changes as
select window_end, events, new_users, rowtime as moment
from user_traffic(
    click => table user_windows partition by user_id,
    on_time => descriptor(moment),
    uid => 'user-traffic'
)
