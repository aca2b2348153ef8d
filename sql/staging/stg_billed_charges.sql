-- A day of a closed month stays as it was when closed; later changes are corrections of that day,
-- billed in the month in which they were found.
with

daily_charges as (
    select * from marts.daily_charges
),

corrections as (
    select * from marts.charge_corrections
),

parts as (
    select
        charge_date,
        cast(date_trunc('month', charge_date) as date) as billing_month,
        cast(null as varchar) as class,
        account_sid,
        source,
        channels,
        currency,
        is_credit,
        priced_recordings,
        duration_seconds,
        priced_minutes,
        cost,
        list_cost,
    from daily_charges
    union all
    select
        charge_date,
        cast(date_trunc('month', charge_date) as date),
        null,
        account_sid,
        source,
        channels,
        currency,
        is_credit,
        -priced_recordings_change,
        -duration_seconds_change,
        -priced_minutes_change,
        -cost_change,
        -list_cost_change,
    from corrections
    union all
    select
        charge_date,
        month_found,
        'Correction',
        account_sid,
        source,
        channels,
        currency,
        is_credit,
        priced_recordings_change,
        duration_seconds_change,
        priced_minutes_change,
        cost_change,
        list_cost_change,
    from corrections
),

charges as (
    select
        charge_date,
        billing_month,
        class,
        account_sid,
        source,
        channels,
        currency,
        is_credit,
        cast(sum(priced_recordings) as bigint) as charged_recordings,
        cast(sum(duration_seconds) as bigint) as charged_seconds,
        sum(priced_minutes) as charged_minutes,
        cast(sum(cost) as decimal(38, 9)) as charged_cost,
        cast(sum(list_cost) as decimal(38, 9)) as list_cost,
    from parts
    group by
        charge_date, billing_month, class, account_sid, source, channels, currency, is_credit
    having
        sum(priced_recordings) <> 0
        or sum(duration_seconds) <> 0
        or sum(priced_minutes) <> 0
        or sum(cost) <> 0
)

select * from charges
