with

-- Where all minutes are credits, nothing says what one is charged at.
effective_rates as (
    select
        *,
        coalesce(prevailing_rate, 0) as rate,
        if(prevailing_rate is null, free_minutes, priced_minutes - free_minutes - credited_minutes)
            as rate_minutes,
    from marts.effective_rates
    where prevailing_rate is not null or free_minutes > 0
),

settings as (
    select * from landed.settings
),

-- What each source and channel count of an account was charged at, and what all of an account was.
daily as (
    select
        'trailing' as rate_source,
        usage_date,
        account_sid,
        source,
        channels,
        currency,
        rate,
        rate_minutes,
    from effective_rates
    union all
    select
        'account',
        usage_date,
        account_sid,
        null,
        null,
        currency,
        rate,
        rate_minutes,
    from effective_rates
),

placed as (
    select
        *,
        dense_rank() over each_kind as days_back,
        first_value(usage_date) over each_kind as newest_date,
    from daily
    window
        each_kind as (
            partition by rate_source, account_sid, source, channels, currency
            order by usage_date desc
        )
),

-- Three days are enough to see a lasting rate, and follow a change soon.
by_rate as (
    select
        rate_source,
        account_sid,
        source,
        channels,
        currency,
        rate,
        newest_date,
        max(usage_date) as last_date,
        sum(rate_minutes) as rate_minutes,
    from placed
    cross join settings
    where days_back <= 3 and usage_date > newest_date - accrual_rate_days
    group by rate_source, account_sid, source, channels, currency, rate, newest_date
),

ranked as (
    select
        *,
        row_number() over (
            partition by rate_source, account_sid, source, channels, currency
            order by rate_minutes desc, last_date desc, rate desc
        ) as place,
    from by_rate
)

select
    rate_source,
    account_sid,
    source,
    channels,
    currency,
    rate as expected_rate,
    newest_date,
    rate_minutes,
from ranked
where place = 1
order by account_sid, rate_source, source, channels, currency
