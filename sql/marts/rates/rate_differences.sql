with

detail as (
    select * from marts.daily_spend_detail
    where priced_minutes > 0 and not is_credit
),

rate_periods as (
    select * from marts.rate_periods
),

-- By rate, so that recordings that cost too much do not cancel those that cost too little.
by_rate as (
    select
        usage_date,
        account_sid,
        account_name,
        source,
        channels,
        currency,
        rate,
        sum(priced_recordings) as priced_recordings,
        sum(priced_minutes) as priced_minutes,
        sum(cost) as cost,
    from detail
    group by usage_date, account_sid, account_name, source, channels, currency, rate
),

compared as (
    select
        by_rate.*,
        rate_periods.price_per_minute,
        by_rate.cost
        - cast(by_rate.priced_minutes * rate_periods.price_per_minute as decimal(38, 9))
            as difference,
    from by_rate
    inner join rate_periods
        on
            by_rate.account_sid = rate_periods.account_sid
            and by_rate.source = rate_periods.source
            and by_rate.channels is not distinct from rate_periods.channels
            and by_rate.currency = rate_periods.currency
            and by_rate.usage_date >= rate_periods.valid_from
            and (
                by_rate.usage_date < rate_periods.valid_until
                or rate_periods.valid_until is null
            )
),

by_day as (
    select
        usage_date,
        account_sid,
        account_name,
        source,
        channels,
        currency,
        sum(priced_minutes) as priced_minutes,
        sum(cost) as cost,
        cast(sum(cost) / sum(priced_minutes) as decimal(18, 9)) as cost_per_minute,
        price_per_minute,
        sum(cost - difference) as cost_due,
        sum(difference) as difference,
        cast(sum(priced_recordings) as bigint) as priced_recordings,
        sum(greatest(difference, 0)) as overcharged,
        sum(greatest(-difference, 0)) as undercharged,
    from compared
    group by
        usage_date, account_sid, account_name, source, channels, currency, price_per_minute
)

select * from by_day
where overcharged > 0 or undercharged > 0
order by usage_date, account_sid, source, channels, currency
