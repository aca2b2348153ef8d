-- Cost of storing recordings.
select
    storage_month as month,
    account_sid,
    currency,
    standing_recordings,
    standing_minutes,
    storage_cost,
    storage_cost_estimate,
    days_without_rate,
    cast(timezone('UTC', verified_at) as date) as verified_on,
from marts.storage_by_month
