with

detail as (
    select * from marts.daily_spend_detail
    where unpriced_recordings > 0
),

settings as (
    select * from landed.settings
),

aged as (
    select
        detail.*,
        greatest(date_diff('day', detail.usage_date, settings.as_of), 0) as age_days,
    from detail
    cross join settings
),

bucketed as (
    select
        *,
        case
            when age_days <= 3 then '0 to 3 days'
            when age_days <= 7 then '4 to 7 days'
            when age_days <= 30 then '8 to 30 days'
            when age_days <= 90 then '31 to 90 days'
            else 'over 90 days'
        end as age_bucket,
    from aged
)

select
    account_sid,
    account_name,
    status,
    currency,
    age_bucket,
    cast(sum(unpriced_recordings) as bigint) as unpriced_recordings,
    sum(unpriced_minutes) as unpriced_minutes,
    min(usage_date) as oldest_usage_date,
    max(usage_date) as newest_usage_date,
from bucketed
group by account_sid, account_name, status, currency, age_bucket
order by account_sid, status, currency, newest_usage_date desc, age_bucket
