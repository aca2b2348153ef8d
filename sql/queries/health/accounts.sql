-- How far the data of each account is complete. A day that was over when it was read is complete to
-- its end; a day that was still running is complete up to the moment its fetch started.
with

coverage as (
    select
        account_sid,
        min(day) filter (where fetched_at is not null) as first_day,
        max(day) filter (where fetched_at is not null) as newest_day,
        max(least(fetched_at, timezone('UTC', cast(day + 1 as timestamp))))
        filter (where fetched_at is not null) as covered_until,
        count(*) filter (where not is_covered) as holes,
        cast(sum(unsettled_recordings) as bigint) as unsettled,
    from ops.coverage
    group by account_sid
),

unpriced as (
    select
        account_sid,
        cast(sum(unpriced_recordings) as bigint) as recordings,
    from marts.daily_spend
    group by account_sid
),

rejected as (
    select
        account_sid,
        count(*) as records,
    from ops.rejects
    group by account_sid
)

select
    accounts.account_sid,
    accounts.account_name,
    coverage.first_day,
    coverage.newest_day,
    coverage.covered_until,
    coverage.holes,
    coverage.unsettled,
    case when coverage.covered_until is not null then coalesce(unpriced.recordings, 0) end
        as unpriced,
    case when coverage.covered_until is not null then coalesce(rejected.records, 0) end as rejected,
from landed.accounts as accounts
inner join coverage on accounts.account_sid = coverage.account_sid
left join unpriced on accounts.account_sid = unpriced.account_sid
left join rejected on accounts.account_sid = rejected.account_sid
order by accounts.account_name, accounts.account_sid
