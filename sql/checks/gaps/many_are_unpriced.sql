-- If many recordings still wait for a price, the cost shown is too low; run again later to pick up late
-- prices.
-- severity: warn
with

by_account as (
    select
        account_sid,
        cast(sum(recordings) as bigint) as recordings,
        cast(sum(unpriced_recordings) as bigint) as unpriced_recordings,
    from staging.stg_recording_totals
    group by account_sid
)

select by_account.*
from by_account
cross join landed.settings as settings
where unpriced_recordings > recordings * settings.unpriced_share_warning
