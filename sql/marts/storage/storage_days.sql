with

kept as (
    select * from marts.recordings_kept
),

rates as (
    select * from marts.storage_rate_periods
),

settings as (
    select * from landed.settings
),

days as (
    select
        cast(unnest(generate_series(min(kept.day), max(settings.as_of), interval 1 day)) as date)
            as storage_date,
        kept.account_sid,
        kept.account_name,
        kept.currency,
    from kept
    cross join settings
    group by kept.account_sid, kept.account_name, kept.currency
),

standing as (
    select
        days.*,
        cast(sum(coalesce(kept.made_recordings - kept.gone_recordings, 0)) over so_far as bigint)
            as standing_recordings,
        cast(sum(coalesce(kept.made_minutes - kept.gone_minutes, 0)) over so_far as bigint)
            as standing_minutes,
        min(kept.verified_at) over so_far as verified_at,
    from days
    left join kept
        on
            days.account_sid = kept.account_sid
            and days.currency = kept.currency
            and days.storage_date = kept.day
    window
        so_far as (
            partition by days.account_sid, days.currency
            order by days.storage_date rows unbounded preceding
        )
)

select
    standing.*,
    rates.rate_account_sid,
    rates.price_per_minute_month,
    rates.shared_free_minutes,
from standing
left join rates
    on
        standing.account_sid = rates.account_sid and standing.currency = rates.currency
        and standing.storage_date >= rates.valid_from
        and (standing.storage_date < rates.valid_until or rates.valid_until is null)
order by standing.storage_date, standing.account_sid, standing.currency
