with

detail as (
    select * from marts.daily_spend_detail
),

by_month as (
    select
        cast(date_trunc('month', usage_date) as date) as month,
        status,
        currency,
        cast(sum(recordings) as bigint) as recordings,
        cast(sum(unpriced_recordings) as bigint) as unpriced_recordings,
        cast(sum(duration_seconds) as bigint) as duration_seconds,
        cast(sum(billed_minutes) as bigint) as billed_minutes,
        cast(sum(priced_minutes) as bigint) as priced_minutes,
        sum(cost) as cost,
    from detail
    group by cast(date_trunc('month', usage_date) as date), status, currency
),

rated as (
    select
        *,
        cast(cost / nullif(priced_minutes, 0) as decimal(18, 9)) as cost_per_minute,
    from by_month
)

select * from rated
order by month, status, currency
