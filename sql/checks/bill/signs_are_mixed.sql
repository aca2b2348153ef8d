-- An account whose prices are both negative and positive may have refunds, which cost counts as
-- charges.
-- severity: warn
select
    account_sid,
    currency,
    count(*) filter (where price < 0) as negative,
    count(*) filter (where price > 0) as positive,
from marts.fct_recordings
group by account_sid, currency
having count(*) filter (where price < 0) > 0 and count(*) filter (where price > 0) > 0
