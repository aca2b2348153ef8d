with

daily as (
    select * from marts.daily_spend
),

by_month as (
    select
        cast(date_trunc('month', usage_date) as date) as month,
        account_sid,
        account_name,
        source,
        channels,
        currency,
        cast(sum(recordings) as bigint) as recordings,
        cast(sum(unpriced_recordings) as bigint) as unpriced_recordings,
        cast(sum(duration_seconds) as bigint) as duration_seconds,
        cast(sum(billed_minutes) as bigint) as billed_minutes,
        cast(sum(priced_minutes) as bigint) as priced_minutes,
        sum(cost) as cost,
    from daily
    group by
        cast(date_trunc('month', usage_date) as date),
        account_sid,
        account_name,
        source,
        channels,
        currency
),

-- A combination that ends drops to zero in the following month; without that row the changes would
-- not add up.
months as (
    select
        month,
        account_sid,
        account_name,
        source,
        channels,
        currency,
    from by_month
    union
    select
        cast(month + interval 1 month as date),
        account_sid,
        account_name,
        source,
        channels,
        currency,
    from by_month
    where month < (select max(month) from by_month)
),

-- cost_now, cost_then: 0 if there were no recordings; null if there were some, but none has a
-- price.
compared as (
    select
        months.*,
        coalesce(here.recordings, 0) as recordings,
        coalesce(here.unpriced_recordings, 0) as unpriced_recordings,
        coalesce(here.duration_seconds, 0) as duration_seconds,
        coalesce(here.billed_minutes, 0) as billed_minutes,
        coalesce(here.priced_minutes, 0) as priced_minutes,
        here.cost,
        cast(here.cost / nullif(here.priced_minutes, 0) as decimal(18, 9)) as cost_per_minute,
        before.cost as cost_before,
        coalesce(before.priced_minutes, 0) as priced_minutes_before,
        case when here.month is null then 0 else here.cost end as cost_now,
        case when before.month is null then 0 else before.cost end as cost_then,
    from months
    left join by_month as here
        on
            months.month = here.month
            and months.account_sid = here.account_sid
            and months.source = here.source
            and months.channels is not distinct from here.channels
            and months.currency = here.currency
    left join by_month as before
        on
            months.month = before.month + interval 1 month
            and months.account_sid = before.account_sid
            and months.source = before.source
            and months.channels is not distinct from before.channels
            and months.currency = before.currency
),

split as (
    select
        *,
        cost_now - cost_then as change,
        cast(
            (cost_now - cost_then) * 100 / nullif(cost_then, 0) as decimal(18, 2)
        ) as change_percent,
        case
            when priced_minutes_before = 0 then cost_now - cost_then
            else
                cast(
                    (priced_minutes - priced_minutes_before)
                    * cost_then
                    / priced_minutes_before as decimal(38, 9)
                )
                -- Null if the change is null.
                + 0 * cost_now
        end as volume_effect,
    from compared
)

select
    * exclude (cost_now, cost_then),
    change - volume_effect as rate_effect,
from split
order by month, account_sid, source, channels, currency
