-- The results of the checks, as the reports show them.
select *
from ops.checks
order by all
