with

detail as (
    select * from marts.daily_spend_detail
),

by_rate as (
    select
        usage_date,
        account_sid,
        account_name,
        source,
        channels,
        currency,
        rate,
        sum(priced_minutes) as priced_minutes,
        sum(cost) as cost,
    from detail
    where priced_minutes > 0
    group by usage_date, account_sid, account_name, source, channels, currency, rate
),

-- If rates have equally many minutes, the higher one; free recordings and credits say nothing about the rate.
by_day as (
    select
        usage_date,
        account_sid,
        account_name,
        source,
        channels,
        currency,
        sum(priced_minutes) as priced_minutes,
        coalesce(sum(priced_minutes) filter (where rate = 0), 0) as free_minutes,
        coalesce(sum(priced_minutes) filter (where rate < 0), 0) as credited_minutes,
        sum(cost) as cost,
        arg_max(rate, (priced_minutes, rate)) filter (where rate > 0) as prevailing_rate,
    from by_rate
    group by usage_date, account_sid, account_name, source, channels, currency
)

select
    * exclude (prevailing_rate),
    cast(cost / priced_minutes as decimal(18, 9)) as cost_per_minute,
    prevailing_rate,
from by_day
order by usage_date, account_sid, source, channels, currency
