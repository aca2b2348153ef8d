with

daily as (
    select
        *,
        cast(date_trunc('month', usage_date) as date) as month,
    from marts.daily_spend
),

by_month as (
    select
        month,
        account_sid,
        account_name,
        source,
        channels,
        currency,
        true as has_recordings,
        cast(sum(recordings) as bigint) as recordings,
        cast(sum(unpriced_recordings) as bigint) as unpriced_recordings,
        cast(sum(duration_seconds) as bigint) as duration_seconds,
        sum(billed_minutes) as billed_minutes,
        sum(priced_minutes) as priced_minutes,
        sum(cost) as cost,
        sum(cost_without_minutes) as cost_without_minutes,
        sum(credits) as credits,
    from daily
    group by month, account_sid, account_name, source, channels, currency
),

-- A combination that ends drops to zero in the following month; without that row the changes would
-- not add up.
months as (
    select * from by_month
    union all
    select
        cast(month + interval 1 month as date),
        account_sid,
        account_name,
        source,
        channels,
        currency,
        false,
        0,
        0,
        0,
        0,
        0,
        null,
        0,
        0,
    from by_month
    qualify
        month < max(month) over ()
        and coalesce(
            lead(month) over (
                partition by account_sid, source, channels, currency
                order by month
            ) > month + interval 1 month,
            true
        )
)

select * from months
order by month, account_sid, source, channels, currency
