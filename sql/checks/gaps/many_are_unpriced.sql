-- If many recordings still wait for a price, the cost shown is too low; run again later to pick up late
-- prices.
-- severity: warn
with

by_account as (
    select
        account_sid,
        count(*) as recordings,
        count(*) filter (where is_awaiting_price) as unpriced_recordings,
    from marts.fct_recordings
    group by account_sid
)

select by_account.*
from by_account
cross join landed.settings as settings
where unpriced_recordings > recordings * settings.unpriced_share_warning
