with

kept as (
    select * from marts.recordings_kept
    where standing_recordings > 0
),

rates as (
    select * from marts.storage_rate_periods
),

settings as (
    select * from landed.settings
),

buckets as (
    select * from (
        values ('0-30 days', 0, 30),
        ('31-90 days', 31, 90),
        ('91-180 days', 91, 180),
        ('181-365 days', 181, 365),
        ('over 365 days', 366, null)
    ) as bucket (age_bucket, from_age_days, to_age_days)
),

aged as (
    select
        kept.*,
        settings.as_of,
        greatest(date_diff('day', kept.day, settings.as_of), 0) as age_days,
    from kept
    inner join settings on settings.as_of is not null
),

by_bucket as (
    select
        aged.account_sid,
        aged.account_name,
        aged.currency,
        aged.as_of,
        buckets.age_bucket,
        buckets.from_age_days,
        min(aged.day) as first_usage_date,
        max(aged.day) as last_usage_date,
        cast(sum(aged.standing_recordings) as bigint) as standing_recordings,
        cast(sum(aged.standing_minutes) as bigint) as standing_minutes,
        min(aged.verified_at) as verified_at,
    from aged
    inner join buckets
        on
            aged.age_days >= buckets.from_age_days
            and (aged.age_days <= buckets.to_age_days or buckets.to_age_days is null)
    group by
        aged.account_sid, aged.account_name, aged.currency, aged.as_of, buckets.age_bucket,
        buckets.from_age_days
),

-- All accounts with a rate share its free minutes, which go to the youngest recordings.
rated as (
    select
        by_bucket.*,
        rates.price_per_minute_month,
        rates.shared_free_minutes,
        sum(by_bucket.standing_minutes) over (
            partition by by_bucket.currency, rates.valid_from, rates.rate_account_sid
            order by by_bucket.from_age_days
        ) as up_to_this_age,
        sum(by_bucket.standing_minutes) over (
            partition by
                by_bucket.currency,
                rates.valid_from,
                rates.rate_account_sid,
                by_bucket.from_age_days
        ) as of_this_age,
    from by_bucket
    left join rates
        on
            by_bucket.account_sid = rates.account_sid and by_bucket.currency = rates.currency
            and by_bucket.as_of >= rates.valid_from
            and (by_bucket.as_of < rates.valid_until or rates.valid_until is null)
),

charged as (
    select
        *,
        greatest(up_to_this_age - shared_free_minutes, 0)
        - greatest(up_to_this_age - of_this_age - shared_free_minutes, 0) as chargeable_of_this_age,
    from rated
)

select
    account_sid,
    account_name,
    currency,
    age_bucket,
    from_age_days,
    first_usage_date,
    last_usage_date,
    standing_recordings,
    standing_minutes,
    cast(
        coalesce(
            cast(standing_minutes as double) * chargeable_of_this_age / nullif(of_this_age, 0), 0
        )
        * price_per_minute_month as decimal(38, 9)
    ) as saving_per_month,
    verified_at,
from charged
order by account_sid, currency, from_age_days
