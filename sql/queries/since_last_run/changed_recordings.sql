-- Recordings that changed or disappeared in these landings ($landings), among those created from
-- $begins to before $ends. A changed recording is on a page of one of these landings, and was first
-- seen earlier.
with

since as (
    select
        account_sid,
        landing,
        fetched_at,
    from ops.landings
    where landing in (select unnest($landings))
)

select
    count(*) filter (
        where parse_dirpath(raw_page) in (select landing from since)
        and (account_sid, first_seen_at) not in (select (account_sid, fetched_at) from since)
    ) as changed,
    count(*) filter (
        where deleted_at is not null
        and (account_sid, deleted_at) in (select (account_sid, fetched_at) from since)
    ) as deleted,
from marts.fct_recordings
where created_at >= $begins and created_at < $ends
