-- What the reports show of the checks.
select *
from ops.checks
order by all
