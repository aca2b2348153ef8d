-- The fetches by which the recordings of these accounts ($accounts) were first seen, have their
-- content, or were found deleted. Unlike ops.landings, which sums up older ones, this has all that
-- made a difference.
with

recordings as (
    select
        account_sid,
        raw_page,
        first_seen_at,
        deleted_at,
    from marts.fct_recordings
    where account_sid in (select unnest($accounts))
)

select
    account_sid,
    strptime(parse_filename(parse_dirpath(raw_page)), $stamp) at time zone 'UTC' as fetched_at,
from recordings
union distinct
select
    account_sid,
    first_seen_at as fetched_at,
from recordings
union distinct
select
    account_sid,
    deleted_at as fetched_at,
from recordings
where deleted_at is not null
