-- What does a minute cost by source, and which source is the most expensive?
-- Minutes without a price, and cost without minutes, are left out of the division.
select
    source,
    currency,
    sum(priced_minutes) as priced_minutes,
    sum(cost) as cost,
    sum(cost_without_minutes) as cost_without_minutes,
    cast(
        (sum(cost) - sum(cost_without_minutes)) / nullif(sum(priced_minutes), 0) as decimal(18, 6)
    ) as cost_per_minute,
from marts.daily_spend
where currency <> 'XXX'
group by source, currency
order by currency, cost_per_minute desc
