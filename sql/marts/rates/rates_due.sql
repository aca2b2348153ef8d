with

daily as (
    select * from marts.daily_spend
),

periods as (
    select * from marts.rate_periods
),

used as (
    select distinct
        usage_date,
        account_sid,
        account_name,
        source,
        channels,
    from daily
)

select
    used.*,
    periods.currency,
    periods.price_per_minute,
from used
inner join periods
    on
        used.account_sid = periods.account_sid
        and used.source = periods.source
        and used.channels is not distinct from periods.channels
        and used.usage_date >= periods.valid_from
        and (used.usage_date < periods.valid_until or periods.valid_until is null)
order by used.usage_date, used.account_sid, used.source, used.channels, periods.currency
