-- Months that are not final, newest first: still running, or with days that were not read.
select
    month,
    is_running,
    days_read,
    days_missing,
from marts.months_read
where account_sid is null and (is_running or days_missing > 0)
order by month desc
