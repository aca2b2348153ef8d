-- How far each account was read; the accounts with the most missing days first.
select
    accounts.account_name,
    min(coverage.day) filter (where coverage.is_covered) as first_day,
    max(coverage.day) filter (where coverage.is_covered) as last_day,
    count(*) filter (where coverage.is_covered) as covered,
    count(*) filter (where not coverage.is_covered) as missing,
from ops.coverage as coverage
inner join landed.accounts as accounts on coverage.account_sid = accounts.account_sid
group by accounts.account_sid, accounts.account_name
order by missing desc, accounts.account_name
limit cast($most_rows as bigint)
