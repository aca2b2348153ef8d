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
),

-- All accounts with a rate share its free minutes.
rated as (
    select
        standing.*,
        rates.price_per_minute_month,
        rates.shared_free_minutes,
        sum(standing.standing_minutes) over (
            partition by
                standing.storage_date, standing.currency, rates.valid_from, rates.rate_account_sid
        ) as sharing_minutes,
    from standing
    left join rates
        on
            standing.account_sid = rates.account_sid and standing.currency = rates.currency
            and standing.storage_date >= rates.valid_from
            and (standing.storage_date < rates.valid_until or rates.valid_until is null)
),

charged as (
    select
        * exclude (sharing_minutes),
        case
            when sharing_minutes > shared_free_minutes
                then
                    cast(standing_minutes as double)
                    * (sharing_minutes - shared_free_minutes)
                    / sharing_minutes
            when shared_free_minutes is not null then 0
        end as chargeable,
    from rated
)

select
    * exclude (chargeable),
    cast(chargeable as decimal(18, 9)) as chargeable_minutes,
    cast(
        chargeable
        * price_per_minute_month
        / extract(day from last_day(storage_date)) as decimal(38, 9)
    )
        as storage_cost,
from charged
order by storage_date, account_sid, currency
