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

recordings as (
    select * from marts.fct_recordings
),

changed as (
    select
        changes.* exclude (seen_at, first_seen_at, is_first, side), changes.seen_at as found_at,
        case when changes.side = 'after' then 1 else -1 end as sign,
    from changes
    inner join closed on changes.month = closed.month and changes.seen_at > closed.closed_at
),

-- As it was first seen: before its first change, or as it still is.
late_and_changed as (
    select changes.*
    from changes
    inner join closed on changes.month = closed.month and changes.first_seen_at > closed.closed_at
    where changes.side = 'before' and changes.is_first
),

late_and_unchanged as (
    select recordings.*, closed.month
    from recordings
    inner join closed
        on cast(date_trunc('month', recordings.usage_date) as date) = closed.month
        and recordings.first_seen_at > closed.closed_at
    where recordings.recording_sid not in (select recording_sid from changes)
),

items as (
    select
        recording_sid, account_sid, month, source, channels, currency, found_at, kind, sign, is_priced, billed_minutes,
        cost,
    from changed
    union all
    select
        recording_sid, account_sid, month, source, channels, currency, first_seen_at, 'late recording', 1, is_priced,
        billed_minutes, cost,
    from late_and_changed
    union all
    select
        recording_sid, account_sid, month, source, channels, currency, first_seen_at, 'late recording', 1, is_priced,
        billed_minutes, cost,
    from late_and_unchanged
),

netted as (
    select
        cast(date_trunc('month', timezone(settings.reporting_timezone, found_at)) as date) as month_found,
        found_at, recording_sid, month, account_sid, source, channels, currency, kind,
        cast(sum(sign) as bigint) as recordings_change,
        cast(sum(case when is_priced then 0 else sign end) as bigint) as unpriced_recordings_change,
        cast(coalesce(sum(sign * billed_minutes), 0) as bigint) as billed_minutes_change,
        cast(coalesce(sum(sign * cost), 0) as decimal(38, 9)) as cost_change,
    from items
    cross join settings
    group by
        settings.reporting_timezone, found_at, recording_sid, month, account_sid, source, channels, currency, kind
)

select * from netted
where recordings_change <> 0 or unpriced_recordings_change <> 0 or billed_minutes_change <> 0 or cost_change <> 0
order by found_at, recording_sid, month, source, channels, currency, kind
