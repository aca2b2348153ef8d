-- Spend by source over all months.
select
    source,
    currency,
    cast(sum(recordings) as bigint) as recordings,
    cast(sum(billed_minutes) as bigint) as minutes,
    sum(cost) as cost,
    cast(sum(cost) / nullif(sum(priced_minutes), 0) as decimal(18, 6)) as "cost/min",
    cast(sum(unpriced_recordings) as bigint) as unpriced,
from marts.spend_by_source
group by source, currency
order by all
