with

recordings as (
    select * from marts.fct_recordings
),

rates_due as (
    select * from marts.rates_due
),

-- A day of UTC has recordings of two days of another reporting time zone, and each of them has its own rate. It is
-- counted from 1970: a time zone's calendar is slow, and UTC needs none.
by_day as (
    select
        date '1970-01-01' + cast(epoch_us(created_at) // 86400000000 as integer) as charge_date,
        usage_date,
        account_sid,
        any_value(account_name) as account_name,
        source,
        channels,
        currency,
        count(*) as priced_recordings,
        cast(coalesce(sum(duration_seconds), 0) as bigint) as duration_seconds,
        cast(coalesce(sum(billed_minutes), 0) as bigint) as priced_minutes,
        sum(cost) as cost,
        coalesce(sum(cost) filter (where billed_minutes is null), 0) as cost_without_minutes,
    from recordings
    where is_priced
    group by charge_date, usage_date, account_sid, source, channels, currency
),

with_rate as (
    select
        by_day.*,
        by_day.priced_minutes * rates_due.price_per_minute + by_day.cost_without_minutes as cost_due,
    from by_day
    left join rates_due
        on by_day.usage_date = rates_due.usage_date and by_day.account_sid = rates_due.account_sid
        and by_day.source = rates_due.source and by_day.channels is not distinct from rates_due.channels
        and by_day.currency = rates_due.currency
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
    cast(sum(priced_minutes) as bigint) as priced_minutes,
    sum(cost) as cost,
    cast(sum(coalesce(cost_due, cost)) as decimal(38, 9)) as list_cost,
from with_rate
group by charge_date, account_sid, account_name, source, channels, currency
order by charge_date, account_sid, source, channels, currency
