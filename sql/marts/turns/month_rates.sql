with

series as (
    select distinct
        account_sid,
        source,
        channels,
        currency,
    from marts.rate_switches
),

detail as (
    select detail.*
    from marts.daily_spend_detail as detail
    semi join series
        on
            detail.account_sid = series.account_sid and detail.source = series.source
            and detail.channels is not distinct from series.channels
            and detail.currency = series.currency
    where detail.rate > 0 and detail.priced_minutes > 0
),

-- The vendor's month may begin some hours before or after ours, so that a rate of the month before is charged on the
-- first day, or one of the next month on the last day.
days as (
    select
        *,
        cast(date_trunc('month', usage_date) as date) as month,
        usage_date > cast(date_trunc('month', usage_date) as date) as is_after_first,
        usage_date < last_day(usage_date) as is_before_last,
    from detail
),

month_rates as (
    select
        account_sid,
        source,
        channels,
        currency,
        month,
        rate as rate_charged,
        sum(priced_minutes) as minutes,
        min(usage_date) filter (where is_after_first) as first_day,
        max(usage_date) filter (where is_before_last) as last_day,
    from days
    group by account_sid, source, channels, currency, month, rate
    having bool_or(is_after_first and is_before_last)
),

-- A rate with less than a hundredth of the month's minutes does not count.
counted as (
    select *
    from month_rates
    qualify minutes * 100 >= sum(minutes) over (
        partition by account_sid, source, channels, currency, month
    )
)

select
    *,
    sum(minutes) over (
        partition by account_sid, source, channels, currency, month
        order by last_day, first_day, rate_charged
        rows unbounded preceding
    ) as minutes_up_to,
from counted
order by month, account_sid, source, channels, currency, rate_charged
