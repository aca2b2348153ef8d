-- Coverage, as the reports show it.
select
    account_sid,
    day,
    is_covered,
from ops.coverage
order by all
