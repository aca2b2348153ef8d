-- Budgets, the newest month first.
select *
from marts.budgets
order by month desc, account_sid, currency
