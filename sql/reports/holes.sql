-- The days that were not read, as spans of consecutive days: account, first and last day (UTC,
-- inclusive), number of days.
with

missing as (
    select
        account_sid,
        day,
        day - row_number() over (partition by account_sid order by day)::integer as run,
    from ops.coverage
    where not is_covered
)

select
    missing.account_sid,
    accounts.account_name,
    min(missing.day) as first_day,
    max(missing.day) as last_day,
    count(*) as days,
from missing
inner join landed.accounts as accounts on missing.account_sid = accounts.account_sid
group by missing.account_sid, accounts.account_name, missing.run
