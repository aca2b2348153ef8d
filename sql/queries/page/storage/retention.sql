-- Savings from deleting recordings.
select
    account_sid,
    currency,
    age_bucket,
    from_age_days,
    first_usage_date,
    last_usage_date,
    standing_recordings,
    standing_minutes,
    saving_per_month,
    cast(timezone('UTC', verified_at) as date) as verified_on,
from marts.retention_candidates
