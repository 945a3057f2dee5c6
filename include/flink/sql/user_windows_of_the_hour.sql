-- The same rows, and how many the user has had within the hour before and now: the only one is that of a new user.
-- A range of the clicks' own time, and no distinct users of ever: what is older is forgotten by construction, whatever
-- table.exec.state.ttl is, and a snapshot that is restored after days goes on where it was.
create temporary view user_windows_of_the_hour as
select
    moment,
    count(1) over (
        partition by user_id order by moment range between interval '1' hour preceding and current row
    ) as windows
from user_windows
