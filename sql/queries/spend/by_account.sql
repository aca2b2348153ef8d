-- Spend by account: of the newest month if $newest_month, or else of all months, with what is known about them.
select
    account_name as account,
    currency,
    cast(sum(recordings) as bigint) as recordings,
    sum(billed_minutes) as minutes,
    sum(cost) as cost,
    cast(
        (sum(cost) - sum(cost_without_minutes)) / nullif(sum(priced_minutes), 0) as decimal(18, 6)
    ) as "cost/min",
    cast(sum(unpriced_recordings) as bigint) as unpriced,
    sum(credits) as credits,
from marts.spend_by_account
where
    not cast($newest_month as boolean)
    or month = (select max(month) from marts.spend_by_account)
group by account_name, currency
order by all
