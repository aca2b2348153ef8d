-- Requests and retries of all runs combined.
select
    cast(coalesce(sum(requests), 0) as bigint) as requests,
    cast(coalesce(sum(retries), 0) as bigint) as retries,
from ops.runs
