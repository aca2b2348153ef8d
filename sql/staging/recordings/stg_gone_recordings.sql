with

settings as (
    select * from landed.settings
),

-- One that was seen before it was deleted was kept until then: its update may be of something else.
recordings as (
    select
        *,
        date '1970-01-01' + cast(epoch_us(created_at) // 86400000000 as integer) as charge_date,
        case
            when status = 'deleted' and coalesce(first_seen_at >= deleted_at, true)
                then least(updated_at, deleted_at)
            else deleted_at
        end as gone_at,
    from marts.fct_recordings
    where is_stored and (deleted_at is not null or status = 'deleted')
)

-- By day of deletion only, not by day of creation as well: nothing needs both, and there would be a
-- row for each pair of days.
select
    recordings.account_sid,
    any_value(recordings.account_name) as account_name,
    recordings.currency,
    cast(date_trunc('month', recordings.charge_date) as date) as charge_month,
    greatest(
        cast(timezone(settings.reporting_timezone, recordings.gone_at) as date),
        recordings.usage_date
    ) as day,
    count(*) as gone_recordings,
    cast(coalesce(sum(cast(ceil(recordings.duration_seconds / 60.0) as integer)), 0) as bigint)
        as gone_minutes,
from recordings
cross join settings
group by recordings.account_sid, recordings.currency, charge_month, day
