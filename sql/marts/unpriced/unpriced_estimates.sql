with

daily as (
    select * from marts.daily_spend
    where unpriced_recordings > 0
),

rates as (
    select * from marts.expected_rates
),

rate_periods as (
    select * from marts.rate_periods
),

settings as (
    select * from landed.settings
),

cells as (
    select
        daily.*,
        daily.usage_date < settings.as_of - settings.settle_days as is_overdue,
    from daily
    cross join settings
),

-- The rate charged last for the same, or else the rate card's, or else the account's, or else none.
offered as (
    select
        cells.*,
        if(rates.rate_source = 'trailing', 1, 3) as precedence,
        rates.rate_source,
        rates.currency as rate_currency,
        cast(rates.expected_rate as decimal(18, 9)) as rate,
        rates.newest_date,
        rates.rate_minutes,
    from cells
    inner join rates
        on
            cells.account_sid = rates.account_sid
            and cells.source = coalesce(rates.source, cells.source)
            and (
                rates.rate_source = 'account' or cells.channels is not distinct from rates.channels
            )
    union all
    select
        cells.*,
        2,
        'rate card',
        rate_periods.currency,
        rate_periods.price_per_minute,
        null,
        null,
    from cells
    inner join rate_periods
        on
            cells.account_sid = rate_periods.account_sid
            and cells.source = rate_periods.source
            and cells.channels is not distinct from rate_periods.channels
            and cells.usage_date >= rate_periods.valid_from
            and (
                cells.usage_date < rate_periods.valid_until or rate_periods.valid_until is null
            )
    union all
    select
        *,
        4,
        'none',
        currency,
        null,
        null,
        null,
    from cells
),

-- A recording without a price usually has no currency; then the one that was charged last applies.
ranked as (
    select
        *,
        row_number() over (
            partition by usage_date, account_sid, source, channels, currency
            order by
                precedence,
                rate_currency = 'XXX',
                newest_date desc,
                rate_minutes desc,
                rate_currency
        ) as place,
    from offered
    where currency in (rate_currency, 'XXX')
)

select
    usage_date,
    account_sid,
    account_name,
    source,
    channels,
    currency,
    unpriced_recordings,
    unpriced_minutes,
    unmeasured_recordings,
    is_overdue,
    rate_source,
    rate_currency as estimate_currency,
    rate as expected_rate,
    case when unpriced_minutes > 0 then cast(unpriced_minutes * rate as decimal(38, 9)) end
        as estimate,
    if(rate is null, unpriced_recordings, unmeasured_recordings) as unestimated_recordings,
    if(rate is null, unpriced_minutes, 0) as unestimated_minutes,
from ranked
where place = 1
order by usage_date, account_sid, source, channels, currency
