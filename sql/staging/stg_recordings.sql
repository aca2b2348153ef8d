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
        -- Too short, silent or failed: there is no audio to store and never a price to come.
        coalesce(recordings.status in ('absent', 'failed'), false) as has_no_audio,
        -- Twilio also names a leg of the conference as the call.
        case
            when
                recordings.conference_sid is not null
                or recordings.source in ('Conference', 'StartConferenceRecording')
                then 'conference'
            when recordings.call_sid is not null then 'call'
            else 'unknown'
        end as call_kind,
        coalesce(recordings.duration_seconds < settings.short_recording_seconds, false) as is_short,
    from recordings
    cross join settings
)

select
    *,
    not is_priced and not has_no_audio as is_awaiting_price,
    not has_no_audio and coalesce(media_location, '') <> 'external' as is_stored,
    cast(cost / nullif(billed_minutes, 0) as decimal(18, 6)) as rate,
from measured
