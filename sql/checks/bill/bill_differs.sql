-- The bill differs from the recordings by more than the tolerance; marts.reconciliation shows why.
-- severity: warn
select
    against,
    period_start,
    account_sid,
    currency,
    difference,
    class,
    recordings_apart,
    minutes_apart,
from marts.reconciliation
where not is_within_tolerance
