-- The figures that are compared with those of the previous run.
select
    account_sid,
    account_name,
    source,
    currency,
    cast(sum(recordings) as bigint) as recordings,
    sum(cost) as cost,
from marts.daily_spend
group by account_sid, account_name, source, currency
order by all
