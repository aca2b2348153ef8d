-- Recordings that changed or disappeared by these fetches ($accounts and $fetched, side by side),
-- among those created from $begins to before $ends. A changed recording is on a page of one of these
-- fetches, and was first seen earlier.
with

since as (
    select
        unnest($accounts) as account_sid,
        unnest($fetched) as fetched_at,
),

recordings as (
    select
        account_sid,
        first_seen_at,
        deleted_at,
        strptime(parse_filename(parse_dirpath(raw_page)), $stamp) at time zone 'UTC' as fetched_at,
    from marts.fct_recordings
    where created_at >= $begins and created_at < $ends
)

select
    count(*) filter (
        where (account_sid, fetched_at) in (select (account_sid, fetched_at) from since)
        and (account_sid, first_seen_at) not in (select (account_sid, fetched_at) from since)
    ) as changed,
    count(*) filter (
        where deleted_at is not null
        and (account_sid, deleted_at) in (select (account_sid, fetched_at) from since)
    ) as deleted,
from recordings
