with

recordings as (
    select * from landed.recordings
),

settings as (
    select * from landed.settings
),

measured as (
    select
        recordings.*,
        cast(timezone(settings.reporting_timezone, recordings.created_at) as date) as usage_date,
        cast(ceil(recordings.duration_seconds / 60.0) as integer) as billed_minutes,
        abs(recordings.price) as cost,
        recordings.price is not null as is_priced,
        case
            when recordings.call_sid is not null then 'call'
            when recordings.conference_sid is not null then 'conference'
            else 'unknown'
        end as call_kind,
        coalesce(recordings.duration_seconds < settings.short_recording_seconds, false) as is_short,
    from recordings
    cross join settings
)

select
    *,
    cast(cost / nullif(billed_minutes, 0) as decimal(18, 6)) as rate,
from measured
