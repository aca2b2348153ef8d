with

months as (
    select * from marts.monthly_totals
),

months_read as (
    select * from marts.months_read
),

-- cost_now, cost_then: 0 if there were no recordings; null if there were some, but none has a
-- price, and for months that are not comparable.
compared as (
    select
        months.*,
        before.cost as cost_before,
        coalesce(before.priced_minutes, 0) as priced_minutes_before,
        coalesce(before.cost_without_minutes, 0) as without_then,
        not coalesce(here.is_running or here.days_missing > 0 or there.days_missing > 0, false)
            as is_comparable,
        case
            when is_comparable and months.has_recordings then months.cost when is_comparable then 0
        end as cost_now,
        case when coalesce(before.has_recordings, false) then before.cost else 0 end as cost_then,
        here.is_running,
        here.days_read,
        here.days_missing,
    from months
    left join months as before
        on
            months.month = before.month + interval 1 month
            and months.account_sid = before.account_sid
            and months.source = before.source
            and months.channels is not distinct from before.channels
            and months.currency = before.currency
    left join months_read as here
        on months.month = here.month and months.account_sid = here.account_sid
    left join months_read as there
        on
            months.month = there.month + interval 1 month
            and months.account_sid = there.account_sid
),

split as (
    select
        *,
        cost_now - cost_then as change,
        cost_without_minutes - without_then + 0 * change as other_effect,
        case
            when priced_minutes_before = 0 then change - other_effect
            else
                cast(
                    (priced_minutes - priced_minutes_before)
                    * (cost_then - without_then)
                    / priced_minutes_before as decimal(38, 9)
                )
                -- Null if the change is null.
                + 0 * change
        end as volume_effect,
    from compared
)

select
    month,
    account_sid,
    account_name,
    source,
    channels,
    currency,
    recordings,
    unpriced_recordings,
    duration_seconds,
    billed_minutes,
    priced_minutes,
    cost,
    cast(
        (cost - cost_without_minutes) / nullif(priced_minutes, 0) as decimal(18, 9)
    ) as cost_per_minute,
    cost_before,
    priced_minutes_before,
    change,
    cast(
        case when cost_then > 0 then change * 100 / cost_then end as decimal(18, 2)
    ) as change_percent,
    volume_effect,
    change - volume_effect - other_effect as rate_effect,
    other_effect,
    cost_without_minutes,
    is_comparable,
    is_running,
    days_read,
    days_missing,
    credits,
from split
order by month, account_sid, source, channels, currency
