-- A closed month has changed by what no reading found: another time zone, another version, or pages
-- that came back.
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
