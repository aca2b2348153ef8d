-- The share that useless recordings have of a month's cost must be that of the whole account.
-- severity: fail
with

waste as (
    select * from marts.waste
),

spend as (
    select * from marts.spend_by_account
)

select
    waste.month,
    waste.account_sid,
    waste.waste_kind,
    waste.error_code,
    waste.currency,
    waste.cost,
    spend.cost as account_cost,
    waste.cost_percent,
from waste
left join spend
    on
        waste.month = spend.month and waste.account_sid = spend.account_sid
        and waste.currency = spend.currency
where
    (waste.cost_percent is null) <> (waste.cost is null or coalesce(spend.cost, 0) <= 0)
    or abs(waste.cost_percent - waste.cost * 100 / nullif(spend.cost, 0)) > 0.011
