with

recordings as (
    select * from staging.stg_recordings
),

bills as (
    select * from staging.stg_bills
),

periods as (
    select * from staging.stg_bill_periods
),

-- Most accounts have no bill, so their recordings can be skipped.
billed_accounts as (
    select distinct account_sid from periods
),

-- The days of a bill are UTC, whatever the reporting time zone.
by_day as (
    select
        cast(timezone('UTC', created_at) as date) as day,
        account_sid,
        currency,
        is_priced,
        is_awaiting_price,
        count(*) as recordings,
        coalesce(sum(billed_minutes), 0) as minutes,
        sum(cost) as cost,
        min(rate) filter (where not is_credit) as lowest_rate,
        max(rate) filter (where not is_credit) as highest_rate,
    from recordings
    where account_sid in (select account_sid from billed_accounts)
    group by all
),

by_period as (
    select
        *,
        'usage records' as against,
        day as period_start,
    from by_day
    union all
    select
        *,
        'invoice' as against,
        cast(date_trunc('month', day) as date) as period_start,
    from by_day
),

-- A recording without a price may have no currency; it will be charged in the currency of the bill.
ours as (
    select
        against,
        period_start,
        account_sid,
        if(currency = 'XXX' and not is_priced, coalesce(only_currency, 'XXX'), currency)
            as currency,
        cast(sum(recordings) as bigint) as our_recordings,
        cast(coalesce(sum(recordings) filter (where is_awaiting_price), 0) as bigint)
            as our_unpriced,
        sum(minutes) as our_minutes,
        coalesce(sum(minutes) filter (where is_awaiting_price), 0)
            as our_unpriced_minutes,
        cast(coalesce(sum(recordings) filter (where is_priced), 0) as bigint) as our_priced,
        coalesce(sum(minutes) filter (where is_priced), 0) as our_priced_minutes,
        sum(cost) as our_cost,
        min(lowest_rate) as lowest_rate,
        max(highest_rate) as highest_rate,
    from by_period
    inner join periods using (against, period_start, account_sid)
    -- The fourth column is the currency of the bill.
    group by 1, 2, 3, 4
),

keys as (
    select
        against,
        period_start,
        account_sid,
        currency,
    from ours
    union
    select
        against,
        period_start,
        account_sid,
        currency,
    from bills
)

select
    keys.*,
    periods.is_billed,
    periods.days_missing,
    coalesce(ours.our_recordings, 0) as our_recordings,
    coalesce(ours.our_unpriced, 0) as our_unpriced,
    coalesce(ours.our_minutes, 0) as our_minutes,
    coalesce(ours.our_unpriced_minutes, 0) as our_unpriced_minutes,
    coalesce(ours.our_priced, 0) as our_priced,
    coalesce(ours.our_priced_minutes, 0) as our_priced_minutes,
    ours.our_cost,
    ours.lowest_rate,
    ours.highest_rate,
    case when is_billed and keys.against = 'usage records' then coalesce(their_recordings, 0) end
        as their_recordings,
    case when is_billed then cast(coalesce(their_minutes, 0) as decimal(18, 9)) end
        as their_minutes,
    case when is_billed then cast(coalesce(their_cost, 0) as decimal(18, 9)) end as their_cost,
from keys
inner join periods using (against, period_start, account_sid)
left join ours using (against, period_start, account_sid, currency)
left join bills using (against, period_start, account_sid, currency)
