with

daily as (
    select * from marts.daily_spend
),

rates_due as (
    select * from marts.rates_due
),

settings as (
    select * from landed.settings
),

priced as (
    select
        *,
        max(usage_date) over (partition by account_sid, source, channels, currency) as newest_date,
    from daily
    where priced_minutes > 0
),

trailing_rates as (
    select
        priced.account_sid, priced.source, priced.channels, priced.currency,
        cast(sum(priced.cost) / sum(priced.priced_minutes) as decimal(18, 9)) as rate,
        sum(priced.priced_minutes) as priced_minutes,
    from priced
    inner join settings on priced.usage_date > priced.newest_date - settings.accrual_rate_days
    group by priced.account_sid, priced.source, priced.channels, priced.currency
),

unpriced as (
    select
        daily.*,
        daily.billed_minutes - daily.priced_minutes as unpriced_minutes,
        daily.usage_date < settings.as_of - settings.settle_days as is_overdue,
    from daily
    cross join settings
    where daily.unpriced_recordings > 0
),

rates as (
    select *, 'trailing' as rate_source, cast(null as date) as usage_date from trailing_rates
    union all by name
    select * exclude (account_name, price_per_minute), price_per_minute as rate, 'rate card' as rate_source from rates_due
),

-- A recording without a price has no currency either, as a rule: then that of the rate with most minutes.
ranked as (
    select
        unpriced.* exclude (currency),
        coalesce(rates.currency, unpriced.currency) as currency,
        coalesce(rates.rate_source, 'none') as rate_source,
        rates.rate,
        row_number() over (
            partition by
                unpriced.usage_date, unpriced.account_sid, unpriced.source, unpriced.channels, unpriced.currency
            order by rates.rate_source desc, rates.priced_minutes desc, rates.currency
        ) as place,
    from unpriced
    left join rates
        on unpriced.account_sid = rates.account_sid and unpriced.source = rates.source
        and unpriced.channels is not distinct from rates.channels
        and unpriced.currency in (rates.currency, 'XXX')
        and unpriced.usage_date = coalesce(rates.usage_date, unpriced.usage_date)
)

select
    cast(date_trunc('month', usage_date) as date) as month,
    account_sid, account_name, source, channels, currency, rate_source,
    cast(sum(unpriced_recordings) as bigint) as unpriced_recordings,
    cast(sum(unpriced_minutes) as bigint) as unpriced_minutes,
    cast(sum(cast(unpriced_minutes * rate as decimal(38, 9))) as decimal(38, 9)) as accrual,
    cast(sum(cast(unpriced_minutes * rate as decimal(38, 9))) filter (where is_overdue) as decimal(38, 9)) as overdue_accrual,
from ranked
where place = 1
group by month, account_sid, account_name, source, channels, currency, rate_source
order by month, account_sid, source, channels, currency, rate_source
