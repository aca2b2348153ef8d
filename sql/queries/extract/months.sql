-- The months with data: with recordings, or with days that were read and had none.
with

days as (
    select usage_date as day
    from marts.daily_spend
    union all
    select day
    from ops.coverage
    where is_covered
)

select distinct cast(date_trunc('month', day) as date) as month
from days
