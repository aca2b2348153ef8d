with

settings as (
    select * from landed.settings
),

closed as (
    select * from landed.closed_months
),

accounts as (
    select * from landed.accounts
),

statements as (
    select * from landed.statements
),

daily as (
    select * from marts.daily_spend
),

adjusted as (
    select * from marts.adjusted_recordings
),

-- The closed months as they are now, minus their statements, minus the dated changes below.
differences as (
    select
        closed.month,
        daily.account_sid,
        daily.source,
        daily.channels,
        daily.currency,
        daily.recordings as recordings_change,
        daily.unpriced_recordings as unpriced_recordings_change,
        daily.billed_minutes as billed_minutes_change,
        daily.cost as cost_change,
    from daily
    inner join closed on cast(date_trunc('month', daily.usage_date) as date) = closed.month
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
    from statements
    union all
    select
        month,
        account_sid,
        source,
        channels,
        currency,
        -recordings_change,
        -unpriced_recordings_change,
        -billed_minutes_change,
        -cost_change,
    from adjusted
),

items as (
    select * exclude (found_at, recording_sid) from adjusted
    union all
    select
        cast(date_trunc('month', settings.as_of) as date),
        month,
        account_sid,
        source,
        channels,
        currency,
        'undated',
        recordings_change,
        unpriced_recordings_change,
        billed_minutes_change,
        cost_change,
    from differences
    cross join settings
)

select
    items.month_found,
    items.month,
    items.account_sid,
    coalesce(accounts.account_name, items.account_sid) as account_name,
    items.source,
    items.channels,
    items.currency,
    -- Until format 3, statements also counted absent and failed recordings as without a price.
    if(
        items.kind = 'undated' and sum(items.recordings_change) = 0
        and sum(items.billed_minutes_change) = 0 and coalesce(sum(items.cost_change), 0) = 0,
        'no longer due', items.kind
    ) as kind,
    cast(sum(items.recordings_change) as bigint) as recordings_change,
    cast(sum(items.unpriced_recordings_change) as bigint) as unpriced_recordings_change,
    sum(items.billed_minutes_change) as billed_minutes_change,
    cast(coalesce(sum(items.cost_change), 0) as decimal(38, 9)) as cost_change,
from items
left join accounts on items.account_sid = accounts.account_sid
group by
    items.month_found, items.month, items.account_sid, accounts.account_name, items.source,
    items.channels, items.currency, items.kind
having
    sum(items.recordings_change) <> 0 or sum(items.unpriced_recordings_change) <> 0
    or sum(items.billed_minutes_change) <> 0 or sum(items.cost_change) <> 0
order by month_found, month, account_sid, source, channels, currency, kind
