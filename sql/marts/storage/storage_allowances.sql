with

days as (
    select
        *,
        cast(date_trunc('month', storage_date) as date) as storage_month,
        last_day(storage_date) as month_end,
    from marts.storage_days
    where price_per_minute_month is not null
),

rates as (
    select * from landed.storage_rates
),

settings as (
    select * from landed.settings
),

-- The days of the running month that are still to come are assumed to be like the newest day.
kept as (
    select
        days.storage_month,
        days.month_end,
        days.rate_account_sid,
        days.currency,
        sum(days.standing_minutes) as counted_minute_days,
        coalesce(sum(days.standing_minutes) filter (where days.storage_date = settings.as_of), 0)
        * (days.month_end - max(days.storage_date)) as minute_days_to_come,
    from days
    cross join settings
    group by days.storage_month, days.month_end, days.rate_account_sid, days.currency
),

lines as (
    select
        *,
        lead(valid_from) over (partition by account_sid, currency order by valid_from)
            as valid_until,
    from rates
),

-- The free minutes count on every day of the month, also before the first recording.
allowed as (
    select
        kept.storage_month,
        kept.month_end,
        kept.rate_account_sid,
        kept.currency,
        cast(kept.counted_minute_days + kept.minute_days_to_come as bigint) as minute_days,
        cast(sum(lines.free_minutes * greatest(
            least(coalesce(lines.valid_until, kept.month_end + 1), kept.month_end + 1)
            - greatest(lines.valid_from, kept.storage_month),
            0
        )) as bigint) as free_minute_days,
    from kept
    inner join lines
        on
            kept.rate_account_sid is not distinct from lines.account_sid
            and kept.currency = lines.currency
    group by all
),

averaged as (
    select
        *,
        greatest(minute_days - free_minute_days, 0) as chargeable_minute_days,
        extract(day from month_end) as days_in_month,
    from allowed
)

select
    storage_month,
    rate_account_sid,
    currency,
    minute_days,
    chargeable_minute_days,
    cast(cast(minute_days as double) / days_in_month as decimal(18, 9)) as average_minutes,
    cast(cast(free_minute_days as double) / days_in_month as decimal(18, 9)) as free_minutes,
    cast(cast(chargeable_minute_days as double) / days_in_month as decimal(18, 9))
        as chargeable_minutes,
from averaged
order by storage_month, rate_account_sid, currency
