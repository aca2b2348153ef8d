-- The accounts by name.
select
    account_sid,
    account_name,
from landed.accounts
