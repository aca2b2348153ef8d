-- Lasting changes of the level of spend.
select
    since,
    account_sid,
    currency,
    level_before,
    level_after,
    change,
    change_percent,
    source,
    source_change,
from marts.spend_shifts
