-- Which invoices differ from our recordings by more than the tolerance, and why?
select
    period_start as month,
    account_name,
    currency,
    their_cost as invoiced,
    our_cost as cost_of_recordings,
    difference,
    class as main_reason,
from marts.reconciliation
where
    against = 'invoice'
    and not is_within_tolerance
order by abs(difference) desc, month, account_name
