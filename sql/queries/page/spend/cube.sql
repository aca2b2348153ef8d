-- The figures the page adds up: whole months, and single days of at least the newest three months.
with

newest as (
    select cast(date_trunc('month', max(usage_date) - 92) as date) as daily_from
    from marts.daily_spend
)

select
    case
        when daily.usage_date >= newest.daily_from then daily.usage_date
        else cast(date_trunc('month', daily.usage_date) as date)
    end as day,
    daily.account_sid,
    daily.source,
    daily.channels,
    daily.currency,
    cast(sum(daily.recordings) as bigint) as recordings,
    cast(sum(daily.unpriced_recordings) as bigint) as unpriced_recordings,
    sum(daily.billed_minutes) as billed_minutes,
    sum(daily.priced_minutes) as priced_minutes,
    sum(daily.cost) as cost,
    sum(daily.cost_without_minutes) as cost_without_minutes,
    sum(daily.credits) as credits,
from marts.daily_spend as daily
cross join newest
group by all
