with

daily as (
    select * from marts.daily_spend
),

rate_periods as (
    select * from marts.rate_periods
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
        priced.account_sid,
        priced.source,
        priced.channels,
        priced.currency,
        cast(sum(priced.cost) / sum(priced.priced_minutes) as decimal(18, 9)) as rate,
        sum(priced.priced_minutes) as priced_minutes,
    from priced
    inner join settings on priced.usage_date > priced.newest_date - settings.accrual_rate_days
    group by priced.account_sid, priced.source, priced.channels, priced.currency
),

unpriced as (
    select
        daily.*,
        daily.usage_date < settings.as_of - settings.settle_days as is_overdue,
    from daily
    cross join settings
    where daily.unpriced_recordings > 0
),

-- The recently charged rate, or else the rate card, or else no rate.
offered as (
    select
        unpriced.*,
        'trailing' as rate_source,
        trailing_rates.currency as rate_currency,
        trailing_rates.rate,
        trailing_rates.priced_minutes as minutes_at_rate,
    from unpriced
    inner join trailing_rates
        on
            unpriced.account_sid = trailing_rates.account_sid
            and unpriced.source = trailing_rates.source
            and unpriced.channels is not distinct from trailing_rates.channels
    union all
    select
        unpriced.*,
        'rate card' as rate_source,
        rate_periods.currency as rate_currency,
        rate_periods.price_per_minute as rate,
        cast(null as bigint) as minutes_at_rate,
    from unpriced
    inner join rate_periods
        on
            unpriced.account_sid = rate_periods.account_sid
            and unpriced.source = rate_periods.source
            and unpriced.channels is not distinct from rate_periods.channels
            and unpriced.usage_date >= rate_periods.valid_from
            and (
                unpriced.usage_date < rate_periods.valid_until
                or rate_periods.valid_until is null
            )
    union all
    select
        unpriced.*,
        'none' as rate_source,
        unpriced.currency as rate_currency,
        cast(null as decimal(18, 9)) as rate,
        cast(null as bigint) as minutes_at_rate,
    from unpriced
),

-- A recording without a price usually has no currency; then the currency of the rate with the most
-- minutes applies.
ranked as (
    select
        * replace (rate_currency as currency),
        row_number()
            over (each_cell order by rate_source desc, minutes_at_rate desc, rate_currency)
            as place,
    from offered
    where offered.currency in (rate_currency, 'XXX')
    window each_cell as (partition by usage_date, account_sid, source, channels, offered.currency)
)

select
    cast(date_trunc('month', usage_date) as date) as month,
    account_sid,
    account_name,
    source,
    channels,
    currency,
    rate_source,
    cast(sum(unpriced_recordings) as bigint) as unpriced_recordings,
    cast(sum(unpriced_minutes) as bigint) as unpriced_minutes,
    cast(sum(cast(unpriced_minutes * rate as decimal(38, 9))) as decimal(38, 9)) as accrual,
    cast(
        sum(cast(unpriced_minutes * rate as decimal(38, 9))) filter (where is_overdue) as decimal(
            38, 9
        )
    ) as overdue_accrual,
from ranked
where place = 1
group by month, account_sid, account_name, source, channels, currency, rate_source
order by month, account_sid, source, channels, currency, rate_source
