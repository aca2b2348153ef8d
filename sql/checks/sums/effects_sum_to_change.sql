-- What a month costs more than the month before must be the sum of its parts.
-- severity: fail
select
    month,
    account_sid,
    source,
    channels,
    currency,
    change,
    volume_effect,
    rate_effect,
    other_effect,
from marts.monthly_spend
where
    change <> coalesce(cost, 0) - coalesce(cost_before, 0)
    or change <> volume_effect + rate_effect + other_effect
