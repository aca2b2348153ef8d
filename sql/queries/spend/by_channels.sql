-- Spend by channels: of the newest month if $newest_month, or else of all months, with what is known about them.
select
    channels,
    currency,
    cast(sum(recordings) as bigint) as recordings,
    sum(billed_minutes) as minutes,
    sum(cost) as cost,
    cast(
        (sum(cost) - sum(cost_without_minutes)) / nullif(sum(priced_minutes), 0) as decimal(18, 6)
    ) as "cost/min",
    cast(sum(unpriced_recordings) as bigint) as unpriced,
    sum(credits) as credits,
from marts.spend_by_channels
where
    not cast($newest_month as boolean)
    or month = (select max(month) from marts.spend_by_channels)
group by channels, currency
order by all
