with

recordings as (
    select
        *,
        date '1970-01-01' + cast(epoch_us(created_at) // 86400000000 as integer) as charge_date,
    from marts.fct_recordings
),

changes as (
    select * from staging.stg_changed_rates
)

-- Only recordings of the few days and rates concerned.
select
    recordings.account_sid,
    recordings.source,
    recordings.channels,
    recordings.currency,
    changes.changed_on,
    cast(date_trunc('month', recordings.charge_date) as date) as charge_month,
    min(recordings.created_at) as first_created_at,
    arg_min(recordings.recording_sid, (recordings.created_at, recordings.recording_sid))
        as first_recording_sid,
from recordings
inner join changes
    on
        recordings.usage_date = changes.changed_on
        and recordings.account_sid = changes.account_sid
        and recordings.source = changes.source
        and recordings.channels is not distinct from changes.channels
        and recordings.currency = changes.currency and recordings.rate = changes.rate_after
group by
    recordings.account_sid, recordings.source, recordings.channels, recordings.currency,
    changes.changed_on, charge_month
