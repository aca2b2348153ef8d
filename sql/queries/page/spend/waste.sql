-- Failed, absent and short recordings.
select
    month,
    account_sid,
    waste_kind,
    currency,
    cast(sum(recordings) as bigint) as recordings,
    sum(billed_minutes) as billed_minutes,
    sum(cost) as cost,
from marts.waste
group by month, account_sid, waste_kind, currency
