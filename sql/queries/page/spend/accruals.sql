-- Cost still to come, by month.
select
    month,
    account_sid,
    currency,
    rate_source,
    cast(sum(unpriced_recordings) as bigint) as unpriced_recordings,
    sum(unpriced_minutes) as unpriced_minutes,
    sum(accrual) as accrual,
    sum(overdue_accrual) as overdue_accrual,
from marts.accruals
group by month, account_sid, currency, rate_source
