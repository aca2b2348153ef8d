-- A closed month changed without a fetch that explains it: the time zone or the version changed, or
-- missing pages were restored.
-- severity: warn
select
    month,
    account_sid,
    source,
    channels,
    currency,
    recordings_change,
    cost_change,
from marts.adjustments
where kind = 'undated'
