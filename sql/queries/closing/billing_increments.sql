-- How the accounts are billed that are not billed by full minutes.
select
    account_sid,
    billing_increment_seconds,
from landed.accounts
where billing_increment_seconds <> 60
order by account_sid
