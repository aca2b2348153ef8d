with

detail as (
    select * from marts.daily_spend_detail
),

by_day as (
    select
        usage_date,
        account_sid,
        account_name,
        source,
        channels,
        currency,
        cast(sum(recordings) as bigint) as recordings,
        cast(sum(unpriced_recordings) as bigint) as unpriced_recordings,
        cast(sum(duration_seconds) as bigint) as duration_seconds,
        sum(billed_minutes) as billed_minutes,
        sum(priced_minutes) as priced_minutes,
        sum(cost) as cost,
        cast(sum(priced_recordings) as bigint) as priced_recordings,
        sum(unpriced_minutes) as unpriced_minutes,
        sum(cost_without_minutes) as cost_without_minutes,
        cast(sum(unmeasured_recordings) as bigint) as unmeasured_recordings,
        sum(credits) as credits,
    from detail
    group by usage_date, account_sid, account_name, source, channels, currency
)

select * from by_day
order by usage_date, account_sid, source, channels, currency
