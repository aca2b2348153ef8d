with

detail as (
    select * from marts.daily_spend_detail
),

bills as (
    select * from staging.stg_bills
),

periods as (
    select * from staging.stg_bill_periods
),

-- Most accounts have no bill, so their days can be skipped.
billed_accounts as (
    select distinct account_sid from periods
),

-- The days of a bill are UTC, whatever the reporting time zone. A rate or a status is in one row of a day, so the
-- recordings of a row have all a price or none.
by_day as (
    select
        charge_date as day,
        account_sid,
        currency,
        priced_recordings > 0 as is_priced,
        unpriced_recordings > 0 as is_awaiting_price,
        recordings,
        billed_minutes as minutes,
        cost,
        if(is_credit, null, rate) as rate,
    from detail
    where account_sid in (select account_sid from billed_accounts)
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
        min(rate) as lowest_rate,
        max(rate) as highest_rate,
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
