with

detail as (
    select * from marts.daily_spend_detail
),

months_read as (
    select * from marts.months_read
),

by_account as (
    select
        cast(date_trunc('month', usage_date) as date) as month,
        account_sid,
        currency,
        sum(cost) as account_cost,
    from detail
    group by cast(date_trunc('month', usage_date) as date), account_sid, currency
),

-- The first kind that applies, so no recording is counted twice.
wasted as (
    select
        *,
        cast(date_trunc('month', usage_date) as date) as month,
        case
            when status = 'failed' and is_charged then 'failed_and_charged'
            when status = 'failed' then 'failed'
            when status = 'absent' then 'absent'
            else 'short'
        end as waste_kind,
    from detail
    where status in ('failed', 'absent') or is_short
),

by_kind as (
    select
        month,
        account_sid,
        account_name,
        waste_kind,
        error_code,
        currency,
        cast(sum(recordings) as bigint) as recordings,
        cast(sum(priced_recordings) as bigint) as priced_recordings,
        sum(billed_minutes) as billed_minutes,
        sum(priced_minutes) as priced_minutes,
        sum(cost) as cost,
    from wasted
    group by month, account_sid, account_name, waste_kind, error_code, currency
)

select
    by_kind.*,
    cast(
        case when by_account.account_cost > 0 then by_kind.cost * 100 / by_account.account_cost end
        as decimal(18, 2)
    ) as cost_percent,
    months_read.is_running,
    months_read.days_read,
    months_read.days_missing,
from by_kind
inner join by_account
    on
        by_kind.month = by_account.month and by_kind.account_sid = by_account.account_sid
        and by_kind.currency = by_account.currency
left join months_read
    on by_kind.month = months_read.month and by_kind.account_sid = months_read.account_sid
order by
    by_kind.month, by_kind.account_sid, by_kind.waste_kind, by_kind.error_code, by_kind.currency
