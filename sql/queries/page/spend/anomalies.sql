-- Unusual days.
select
    usage_date,
    account_sid,
    currency,
    measure,
    value,
    median,
    lower_bound,
    upper_bound,
    source,
    source_difference,
from marts.anomalies
