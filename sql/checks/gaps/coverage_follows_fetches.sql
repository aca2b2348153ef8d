-- A day must be covered exactly if a fetch that reached its last page listed it after it was over, or if it is the
-- newest day read. Otherwise a gap is hidden, or figures that are complete are said to have one.
-- severity: fail
with

coverage as (
    select
        *,
        timezone('UTC', cast(day + 1 as timestamp)) as ends_at,
    from ops.coverage
),

-- A day that had not begun when it was fetched has not been read.
fetched as (
    select
        account_sid,
        fetched_at,
        cast(unnest(generate_series(
            cast(first_day as timestamp),
            least(cast(last_day as timestamp), timezone('UTC', fetched_at)),
            interval 1 day
        )) as date) as day,
    from ops.landings
    where is_whole
),

last_fetches as (
    select
        account_sid,
        day,
        max(fetched_at) as fetched_at,
    from fetched
    group by account_sid, day
),

newest as (
    select max(day) as day from last_fetches
),

made as (
    select
        account_sid,
        charge_date as day,
        cast(sum(recordings) as bigint) as recordings,
    from marts.daily_spend_detail
    group by account_sid, day
),

days as (
    select
        coalesce(coverage.account_sid, last_fetches.account_sid) as account_sid,
        coalesce(coverage.day, last_fetches.day) as day,
        coverage.is_covered,
        coalesce(
            last_fetches.fetched_at >= coverage.ends_at or last_fetches.day = newest.day, false
        ) as is_covered_due,
        coverage.fetched_at,
        last_fetches.fetched_at as fetched_at_due,
        landings.fetched_at as fetched_at_of_landing,
        coverage.recordings,
        coalesce(made.recordings, if(last_fetches.day is null, null, 0)) as recordings_due,
    from coverage
    full join last_fetches
        on coverage.account_sid = last_fetches.account_sid and coverage.day = last_fetches.day
    left join made on coverage.account_sid = made.account_sid and coverage.day = made.day
    left join ops.landings as landings
        on coverage.account_sid = landings.account_sid and coverage.landing = landings.landing
    cross join newest
)

select
    'day' as found,
    account_sid,
    day,
    concat('covered: ', is_covered, ', not ', is_covered_due) as details,
from days
where
    is_covered is distinct from is_covered_due or fetched_at is distinct from fetched_at_due
    or fetched_at is distinct from fetched_at_of_landing
    or recordings is distinct from recordings_due
union all
select
    'list of gaps',
    account_sid,
    day,
    'in one of ops.coverage and landed.unread_days',
from (
    select * from landed.unread_days
    union all
    select
        account_sid,
        day,
    from ops.coverage
    where not is_covered
)
group by account_sid, day
having count(*) = 1
union all
-- A day counts as read in its month if it was over when it was last fetched.
select
    'day of a month',
    coverage.account_sid,
    coverage.day,
    concat('read: ', account_days.is_covered),
from coverage
left join landed.account_days as account_days
    on coverage.account_sid = account_days.account_sid and coverage.day = account_days.day
where
    account_days.is_covered
    is distinct from coalesce(coverage.fetched_at >= coverage.ends_at, false)
union all
select
    'days left out',
    account_sid,
    min(day),
    concat(count(*), ' days until ', max(day)),
from ops.coverage
group by account_sid
having count(*) <> max(day) - min(day) + 1 or max(day) <> (select day from newest)
