-- Months that are not final: still running, or with days that were not read. A null account means all
-- accounts together.
select
    month,
    account_sid,
    is_running,
    days_read,
    days_missing,
from marts.months_read
where is_running or days_missing > 0
