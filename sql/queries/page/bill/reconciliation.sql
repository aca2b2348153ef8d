-- The bill compared with the recordings, by month: sums of what can be compared, and how much
-- cannot.
select
    against,
    cast(date_trunc('month', period_start) as date) as month,
    account_sid,
    currency,
    count(*) filter (where is_comparable) as compared,
    count(*) filter (where not is_within_tolerance) as outside_tolerance,
    count(*) filter (where not is_comparable) as not_comparable,
    sum(our_cost) filter (where is_comparable) as our_cost,
    sum(their_cost) filter (where is_comparable) as their_cost,
    sum(difference) filter (where is_comparable) as difference,
    sum(only_theirs_amount) filter (where is_comparable) as only_theirs,
    sum(only_ours_amount) filter (where is_comparable) as only_ours,
    sum(quantity_amount) filter (where is_comparable) as quantity,
    sum(rate_amount) filter (where is_comparable) as rate,
    sum(unpriced_amount) filter (where is_comparable) as unpriced,
from marts.reconciliation
group by against, date_trunc('month', period_start), account_sid, currency
