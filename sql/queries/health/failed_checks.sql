-- The checks that found something, with their severity.
select
    name,
    severity,
from ops.checks
where not is_passed
order by name
