with

closed as (
    select * from landed.closed_months
),

settings as (
    select * from landed.settings
),

changes as (
    select * from staging.stg_changes
),

late_recordings as (
    select * from staging.stg_late_recordings
),

changed as (
    select
        changes.*,
        changes.seen_at as found_at,
        case when changes.side = 'after' then 1 else -1 end as sign,
    from changes
    inner join closed on changes.month = closed.month and changes.seen_at > closed.closed_at
),

-- The recording as first seen: before its first change, or as it is now if it never changed.
late_and_changed as (
    select changes.*
    from changes
    inner join closed on changes.month = closed.month and changes.first_seen_at > closed.closed_at
    where changes.side = 'before' and changes.is_first
),

late_and_unchanged as (
    select * from late_recordings
    where recording_sid not in (select recording_sid from changes)
),

items as (
    select
        recording_sid,
        found_at,
        kind,
        sign,
        account_sid,
        month,
        created_at,
        source,
        channels,
        currency,
        is_priced,
        is_awaiting_price,
        duration_seconds,
        billed_minutes,
        cost,
    from changed
    union all
    select
        recording_sid,
        first_seen_at,
        'late recording',
        1,
        account_sid,
        month,
        created_at,
        source,
        channels,
        currency,
        is_priced,
        is_awaiting_price,
        duration_seconds,
        billed_minutes,
        cost,
    from late_and_changed
    union all
    select
        recording_sid,
        first_seen_at,
        'late recording',
        1,
        account_sid,
        month,
        created_at,
        source,
        channels,
        currency,
        is_priced,
        is_awaiting_price,
        duration_seconds,
        billed_minutes,
        cost,
    from late_and_unchanged
)

select
    items.recording_sid,
    items.found_at,
    cast(date_trunc('month', timezone(settings.reporting_timezone, items.found_at)) as date)
        as month_found,
    items.kind,
    items.sign,
    items.account_sid,
    items.month,
    cast(timezone(settings.reporting_timezone, items.created_at) as date) as usage_date,
    cast(timezone('UTC', items.created_at) as date) as charge_date,
    items.* exclude (recording_sid, found_at, kind, sign, account_sid, month, created_at),
from items
cross join settings
