-- How many recordings there are, and how many came per day in the last four weeks.
with

newest as (
    select max(day) as day
    from ops.coverage
)

select
    cast(coalesce(sum(coverage.recordings), 0) as bigint) as recordings,
    coalesce(sum(coverage.recordings) filter (where coverage.day > newest.day - 28), 0)
    / 28.0 as a_day,
from ops.coverage as coverage
cross join newest
