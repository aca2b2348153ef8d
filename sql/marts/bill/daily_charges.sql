with

detail as (
    select * from marts.daily_spend_detail
),

rate_periods as (
    select * from marts.rate_periods
),

-- A UTC day has recordings of two days of another reporting time zone, and each of these days has
-- its own rate.
by_day as (
    select
        charge_date,
        usage_date,
        account_sid,
        any_value(account_name) as account_name,
        source,
        channels,
        currency,
        is_credit,
        sum(recordings) as priced_recordings,
        sum(duration_seconds) as duration_seconds,
        sum(priced_minutes) as priced_minutes,
        sum(cost) as cost,
        sum(cost_without_minutes) as cost_without_minutes,
    from detail
    where is_charged is not null
    group by charge_date, usage_date, account_sid, source, channels, currency, is_credit
),

with_rate as (
    select
        by_day.*,
        case
            when not by_day.is_credit
                then
                    by_day.priced_minutes * rate_periods.price_per_minute
                    + by_day.cost_without_minutes
        end as cost_due,
    from by_day
    left join rate_periods
        on
            by_day.account_sid = rate_periods.account_sid
            and by_day.source = rate_periods.source
            and by_day.channels is not distinct from rate_periods.channels
            and by_day.currency = rate_periods.currency
            and by_day.usage_date >= rate_periods.valid_from
            and (
                by_day.usage_date < rate_periods.valid_until or rate_periods.valid_until is null
            )
)

select
    charge_date,
    account_sid,
    account_name,
    source,
    channels,
    currency,
    cast(sum(priced_recordings) as bigint) as priced_recordings,
    cast(sum(duration_seconds) as bigint) as duration_seconds,
    sum(priced_minutes) as priced_minutes,
    sum(cost) as cost,
    cast(sum(coalesce(cost_due, cast(cost as decimal(38, 19)))) as decimal(38, 9)) as list_cost,
    is_credit,
from with_rate
group by charge_date, account_sid, account_name, source, channels, currency, is_credit
order by charge_date, account_sid, source, channels, currency, is_credit
