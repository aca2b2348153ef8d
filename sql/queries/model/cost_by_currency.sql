-- The cost of all priced recordings.
select
    currency,
    sum(cost) as cost,
from marts.daily_spend
where cost is not null
group by currency
order by currency
