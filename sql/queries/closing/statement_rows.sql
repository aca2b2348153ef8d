-- The rows of the statement of a month ($month, its first day).
select
    account_sid,
    account_name,
    source,
    channels,
    currency,
    cast(sum(recordings) as bigint) as recordings,
    cast(sum(unpriced_recordings) as bigint) as unpriced_recordings,
    sum(billed_minutes) as billed_minutes,
    sum(cost) as cost,
from marts.daily_spend
where date_trunc('month', usage_date) = cast($month as date)
group by account_sid, account_name, source, channels, currency
order by account_sid, source, channels, currency
