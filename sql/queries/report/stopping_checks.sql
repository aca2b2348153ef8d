-- Failed checks that stop the reports.
select *
from ops.checks
where severity = 'fail' and not is_passed
order by name
