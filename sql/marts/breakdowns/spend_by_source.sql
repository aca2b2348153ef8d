with

daily as (
    select * from marts.daily_spend
),

months_read as (
    select * from marts.months_read
),

by_month as (
    select
        cast(date_trunc('month', usage_date) as date) as month,
        source,
        currency,
        cast(sum(recordings) as bigint) as recordings,
        cast(sum(unpriced_recordings) as bigint) as unpriced_recordings,
        cast(sum(duration_seconds) as bigint) as duration_seconds,
        sum(billed_minutes) as billed_minutes,
        sum(priced_minutes) as priced_minutes,
        sum(cost) as cost,
        sum(cost_without_minutes) as cost_without_minutes,
        sum(credits) as credits,
    from daily
    group by cast(date_trunc('month', usage_date) as date), source, currency
),

rated as (
    select
        by_month.* exclude (cost_without_minutes, credits),
        cast(
            (by_month.cost - by_month.cost_without_minutes)
            / nullif(by_month.priced_minutes, 0) as decimal(18, 9)
        ) as cost_per_minute,
        by_month.cost_without_minutes,
        months_read.is_running,
        months_read.days_read,
        months_read.days_missing,
        by_month.credits,
    from by_month
    left join months_read
        on by_month.month = months_read.month and months_read.account_sid is null
)

select * from rated
order by month, source, currency
