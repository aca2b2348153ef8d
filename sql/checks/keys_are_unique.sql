-- A key that stands twice would count the same money twice.
-- severity: fail
select 'marts.fct_recordings' as model, recording_sid as key
from marts.fct_recordings
group by recording_sid
having count(*) > 1

union all

select 'marts.daily_spend', concat_ws(' ', usage_date, account_sid, source, channels, currency)
from marts.daily_spend
group by usage_date, account_sid, source, channels, currency
having count(*) > 1

union all

select 'marts.spend_by_source', concat_ws(' ', month, source, currency)
from marts.spend_by_source
group by month, source, currency
having count(*) > 1

union all

select 'marts.spend_by_channels', concat_ws(' ', month, channels, currency)
from marts.spend_by_channels
group by month, channels, currency
having count(*) > 1

union all

select 'marts.spend_by_account', concat_ws(' ', month, account_sid, currency)
from marts.spend_by_account
group by month, account_sid, currency
having count(*) > 1
