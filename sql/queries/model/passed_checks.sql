-- The checks that found nothing when the warehouse was built.
select name
from ops.checks
where is_passed
