-- What the checks found.
select
    name,
    severity,
    is_passed,
    offending_rows,
    why,
from ops.checks
