-- A day that was never read may have recordings and cost that no figure includes.
-- severity: warn
select
    account_sid,
    day,
from ops.coverage
where not is_covered
