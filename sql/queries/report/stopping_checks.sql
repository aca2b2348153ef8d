-- The checks that keep the figures from being reported.
select *
from ops.checks
where severity = 'fail' and not is_passed
order by name
