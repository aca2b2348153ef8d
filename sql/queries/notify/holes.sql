-- Days of accounts that were not read.
select
    coverage.account_sid,
    coalesce(accounts.account_name, coverage.account_sid) as account_name,
    coverage.day,
from ops.coverage as coverage
left join landed.accounts as accounts on coverage.account_sid = accounts.account_sid
where not coverage.is_covered
order by coverage.account_sid, coverage.day
