-- A day that was never read may hold recordings and money that no figure shows.
-- severity: warn
select
    account_sid,
    day,
from ops.coverage
where not is_covered
