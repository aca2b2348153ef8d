-- Spend of the newest month by source.
select
    source,
    currency,
    recordings,
    billed_minutes as minutes,
    cost,
    unpriced_recordings as unpriced,
    month,
from marts.spend_by_source
where month = (select max(month) from marts.spend_by_source)
order by currency, cost desc nulls last, source
