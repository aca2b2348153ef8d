-- The statement of a closed month plus its adjustments must add up to the month's recordings as
-- they are now.
-- severity: fail
with

closed as (
    select * from landed.closed_months
),

reported as (
    select
        month,
        account_sid,
        source,
        channels,
        currency,
        recordings,
        unpriced_recordings,
        billed_minutes,
        cost,
    from landed.statements
    union all
    select
        month,
        account_sid,
        source,
        channels,
        currency,
        recordings_change,
        unpriced_recordings_change,
        billed_minutes_change,
        cost_change,
    from marts.adjustments
),

spent as (
    select
        cast(date_trunc('month', usage_date) as date) as month,
        account_sid,
        source,
        channels,
        currency,
        recordings,
        unpriced_recordings,
        billed_minutes,
        cost,
    from marts.daily_spend_detail
    where cast(date_trunc('month', usage_date) as date) in (select month from closed)
),

compared as (
    select * from reported
    union all
    select
        month,
        account_sid,
        source,
        channels,
        currency,
        -recordings,
        -unpriced_recordings,
        -billed_minutes,
        -cost,
    from spent
)

select
    month,
    account_sid,
    source,
    channels,
    currency,
    sum(recordings) as recordings,
    sum(unpriced_recordings) as unpriced_recordings,
    sum(billed_minutes) as billed_minutes,
    coalesce(sum(cost), 0) as cost,
from compared
group by month, account_sid, source, channels, currency
having
    sum(recordings) <> 0 or sum(unpriced_recordings) <> 0 or sum(billed_minutes) <> 0
    or coalesce(sum(cost), 0) <> 0
