-- Changed rates, the newest first.
select *
from marts.rate_changes
order by changed_on desc, account_sid, source, channels
