-- The newest month with recordings: whether it is over, and how many of its days were read.
select
    month,
    is_running,
    days_read,
    days_missing,
from marts.months_read
where
    account_sid is null
    and month = (select cast(date_trunc('month', max(usage_date)) as date) from marts.daily_spend)
