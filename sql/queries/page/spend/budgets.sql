-- Budgets and what they come to. Without an account they are for all together.
select
    month,
    account_sid,
    currency,
    budget,
    cost,
    expected_cost,
    used_percent,
    expected_percent,
    runs_out_on,
    budget_status,
from marts.budgets
