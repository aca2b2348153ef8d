-- What did we pay for failed, absent or short recordings, and what share of the cost was that?
with

waste as (
    select
        month,
        currency,
        sum(recordings) as recordings,
        sum(cost) as cost,
    from marts.waste
    group by month, currency
),

spend as (
    select
        month,
        currency,
        sum(cost) as cost,
    from marts.spend_by_account
    group by month, currency
)

select
    waste.month,
    waste.currency,
    waste.recordings as unusable_recordings,
    waste.cost as unusable_cost,
    cast(waste.cost * 100 / nullif(spend.cost, 0) as decimal(18, 2)) as percent_of_cost,
from waste
inner join spend on waste.month = spend.month and waste.currency = spend.currency
order by waste.month, waste.currency
