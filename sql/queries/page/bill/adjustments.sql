-- Changes in closed months.
select
    month_found,
    month as month_closed,
    account_sid,
    source,
    channels,
    currency,
    kind,
    recordings_change,
    unpriced_recordings_change,
    billed_minutes_change,
    cost_change,
from marts.adjustments
