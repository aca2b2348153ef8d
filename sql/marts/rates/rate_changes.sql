with

changes as (
    select * from staging.stg_changed_rates
),

-- A day in the reporting time zone may be part of two UTC months.
firsts as (
    select
        account_sid,
        source,
        channels,
        currency,
        changed_on,
        min(first_created_at) as first_created_at,
        arg_min(first_recording_sid, (first_created_at, first_recording_sid))
            as first_recording_sid,
    from staging.stg_first_recordings
    group by account_sid, source, channels, currency, changed_on
)

select
    changes.* exclude (known_on),
    cast(
        (changes.rate_after - changes.rate_before) * 100 / changes.rate_before as decimal(18, 2)
    ) as change_percent,
    changes.known_on,
    firsts.first_recording_sid,
    firsts.first_created_at,
from changes
left join firsts
    on
        changes.changed_on = firsts.changed_on and changes.account_sid = firsts.account_sid
        and changes.source = firsts.source and changes.channels is not distinct from firsts.channels
        and changes.currency = firsts.currency
order by changes.changed_on, changes.account_sid, changes.source, changes.channels, changes.currency
