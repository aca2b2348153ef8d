-- What did each account cost last month, and what did it cost in the month before?
-- "Last month" is the month before the month of the newest day read.
with

last_month as (
    select cast(date_trunc('month', as_of) - interval 1 month as date) as month
    from landed.settings
)

select
    spend.account_name,
    spend.currency,
    sum(spend.cost) filter (where spend.month = last_month.month) as cost,
    sum(spend.cost) filter (where spend.month < last_month.month) as cost_month_before,
from marts.spend_by_account as spend
cross join last_month
where
    spend.month between last_month.month - interval 1 month and last_month.month
    and spend.currency <> 'XXX'
group by spend.account_name, spend.currency
order by spend.currency, cost desc
