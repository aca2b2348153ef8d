-- Rate changes.
select
    changed_on,
    account_sid,
    source,
    channels,
    currency,
    rate_before,
    rate_after,
    change_percent,
from marts.rate_changes
