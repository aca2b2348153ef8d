-- Budgets and the spend that counts against them. A null account means all accounts together.
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
    unestimated_recordings,
    is_running,
    days_missing,
from marts.budgets
