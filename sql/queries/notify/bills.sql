-- The bill compared with the recordings, the newest period first.
select *
from marts.reconciliation
order by period_start desc, against, account_sid, currency
