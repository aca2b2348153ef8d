with

-- The rate card says what minutes cost, and nothing of recordings of unknown length.
daily as (
    select * replace (cost - cost_without_minutes as cost)
    from marts.daily_spend
    where priced_minutes > 0
),

rate_periods as (
    select * from marts.rate_periods
),

compared as (
    select
        daily.usage_date,
        daily.account_sid,
        daily.account_name,
        daily.source,
        daily.channels,
        daily.currency,
        daily.priced_minutes,
        daily.cost,
        cast(daily.cost / daily.priced_minutes as decimal(18, 9)) as cost_per_minute,
        rate_periods.price_per_minute,
        cast(daily.priced_minutes * rate_periods.price_per_minute as decimal(38, 9)) as cost_due,
    from daily
    inner join rate_periods
        on
            daily.account_sid = rate_periods.account_sid
            and daily.source = rate_periods.source
            and daily.channels is not distinct from rate_periods.channels
            and daily.currency = rate_periods.currency
            and daily.usage_date >= rate_periods.valid_from
            and (
                daily.usage_date < rate_periods.valid_until or rate_periods.valid_until is null
            )
)

select
    *,
    cost - cost_due as difference,
from compared
where cost <> cost_due
order by usage_date, account_sid, source, channels, currency
