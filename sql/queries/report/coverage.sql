-- What the reports show of coverage.
select
    account_sid,
    day,
    is_covered,
from ops.coverage
order by all
