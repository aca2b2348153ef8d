-- Names of the accounts.
select
    account_sid,
    account_name,
from landed.accounts
