with

detail as (
    select * from marts.daily_spend_detail
    where rate > 0 and priced_minutes > 0
),

-- Few days have two rates, so that the rest needs little memory.
days as (
    select
        usage_date,
        account_sid,
        source,
        channels,
        currency,
        sum(priced_minutes) as day_minutes,
    from detail
    group by usage_date, account_sid, source, channels, currency
    having min(rate) < max(rate)
),

by_rate as (
    select
        detail.usage_date,
        detail.account_sid,
        detail.source,
        detail.channels,
        detail.currency,
        detail.rate as rate_charged,
        days.day_minutes,
        sum(detail.priced_minutes) as minutes,
    from detail
    inner join days
        on
            detail.usage_date = days.usage_date and detail.account_sid = days.account_sid
            and detail.source = days.source and detail.channels is not distinct from days.channels
            and detail.currency = days.currency
    group by
        detail.usage_date, detail.account_sid, detail.source, detail.channels, detail.currency,
        detail.rate, days.day_minutes
)

select * exclude (day_minutes)
from by_rate
where minutes * 10 >= day_minutes
qualify count(*) over (partition by usage_date, account_sid, source, channels, currency) > 1
