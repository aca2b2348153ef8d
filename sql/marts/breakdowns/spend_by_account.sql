with

daily as (
    select * from marts.daily_spend
),

by_month as (
    select
        cast(date_trunc('month', usage_date) as date) as month,
        account_sid,
        currency,
        account_name,
        cast(sum(recordings) as bigint) as recordings,
        cast(sum(unpriced_recordings) as bigint) as unpriced_recordings,
        cast(sum(duration_seconds) as bigint) as duration_seconds,
        cast(sum(billed_minutes) as bigint) as billed_minutes,
        cast(sum(priced_minutes) as bigint) as priced_minutes,
        sum(cost) as cost,
    from daily
    group by cast(date_trunc('month', usage_date) as date), account_sid, currency, account_name
),

rated as (
    select
        *,
        cast(cost / nullif(priced_minutes, 0) as decimal(18, 9)) as cost_per_minute,
    from by_month
)

select * from rated
order by month, account_sid, currency
