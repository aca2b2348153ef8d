with

rates as (
    select * from marts.effective_rates
    where prevailing_rate is not null
),

-- Consecutive days with the same rate form a run.
numbered as (
    select
        *,
        lag(prevailing_rate) over each_series as rate_before,
        lag(usage_date) over each_series as day_before,
        row_number() over each_series
        - row_number()
            over (
                partition by account_sid, source, channels, currency, prevailing_rate
                order by usage_date
            )
            as run,
    from rates
    window
        each_series as (partition by account_sid, source, channels, currency order by usage_date)
),

-- A rate that applies for only a day or two is not a lasting change.
runs as (
    select
        account_sid,
        any_value(account_name) as account_name,
        source,
        channels,
        currency,
        prevailing_rate,
        min(usage_date) as first_day,
        min(day_before) as day_before,
    from numbered
    group by account_sid, source, channels, currency, prevailing_rate, run
    having count(*) >= 3
),

lasting as (
    select
        *,
        lag(prevailing_rate)
            over (partition by account_sid, source, channels, currency order by first_day)
            as rate_before,
    from runs
),

found as (
    select
        account_sid,
        account_name,
        source,
        channels,
        currency,
        usage_date as switched_on,
        day_before,
        rate_before,
        prevailing_rate as rate_after,
        false as is_lasting,
    from numbered
    where rate_before <> prevailing_rate
    union all
    select
        account_sid,
        account_name,
        source,
        channels,
        currency,
        first_day as switched_on,
        day_before,
        rate_before,
        prevailing_rate as rate_after,
        true as is_lasting,
    from lasting
    where rate_before <> prevailing_rate
)

select
    account_sid,
    any_value(account_name) as account_name,
    source,
    channels,
    currency,
    switched_on,
    day_before,
    rate_before,
    rate_after,
    least(rate_before, rate_after) as lower_rate,
    greatest(rate_before, rate_after) as higher_rate,
    bool_or(is_lasting) as is_lasting,
from found
group by
    account_sid, source, channels, currency, switched_on, day_before, rate_before, rate_after
order by switched_on, account_sid, source, channels, currency, rate_before
