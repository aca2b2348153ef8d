with

daily as (
    select * from marts.daily_spend
    where priced_minutes > 0
),

rates_due as (
    select * from marts.rates_due
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
        rates_due.price_per_minute,
        cast(daily.priced_minutes * rates_due.price_per_minute as decimal(38, 9)) as cost_due,
    from daily
    inner join rates_due
        on
            daily.usage_date = rates_due.usage_date and daily.account_sid = rates_due.account_sid
            and daily.source = rates_due.source
            and daily.channels is not distinct from rates_due.channels
            and daily.currency = rates_due.currency
)

select
    *,
    cost - cost_due as difference,
from compared
where cost <> cost_due
order by usage_date, account_sid, source, channels, currency
