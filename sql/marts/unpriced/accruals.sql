with

estimates as (
    select
        *,
        cast(date_trunc('month', usage_date) as date) as month,
    from marts.unpriced_estimates
),

months_read as (
    select * from marts.months_read
),

by_month as (
    select
        month,
        account_sid,
        account_name,
        source,
        channels,
        estimate_currency as currency,
        rate_source,
        cast(sum(unpriced_recordings) as bigint) as unpriced_recordings,
        sum(unpriced_minutes) as unpriced_minutes,
        sum(estimate) as accrual,
        sum(estimate) filter (where is_overdue) as overdue_accrual,
        cast(sum(unestimated_recordings) as bigint) as unestimated_recordings,
    from estimates
    group by month, account_sid, account_name, source, channels, estimate_currency, rate_source
)

select
    by_month.*,
    months_read.is_running,
    months_read.days_read,
    months_read.days_missing,
from by_month
left join months_read
    on by_month.month = months_read.month and by_month.account_sid = months_read.account_sid
order by
    by_month.month, by_month.account_sid, by_month.source, by_month.channels, by_month.currency,
    by_month.rate_source
