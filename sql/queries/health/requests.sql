-- Requests and retries of all runs combined.
with

runs as (
    select
        requests,
        retries,
    from ops.runs
    union all
    select
        requests,
        retries,
    from ops.runs_by_month
)

select
    cast(coalesce(sum(requests), 0) as bigint) as requests,
    cast(coalesce(sum(retries), 0) as bigint) as retries,
from runs
