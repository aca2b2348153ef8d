with

daily as (
    select * from marts.storage_cost
),

months_read as (
    select * from marts.months_read
),

by_month as (
    select
        cast(date_trunc('month', storage_date) as date) as storage_month,
        account_sid,
        account_name,
        currency,
        max(storage_date) as last_day,
        sum(standing_minutes) as minute_days,
        sum(chargeable_minutes) as chargeable_minute_days,
        count(*) filter (where storage_cost is null) as days_without_rate,
        sum(storage_cost) as storage_cost,
    from daily
    group by cast(date_trunc('month', storage_date) as date), account_sid, account_name, currency
),

-- Assume that each remaining day of the month costs as much as the last day.
closed as (
    select
        by_month.*,
        daily.standing_recordings,
        daily.standing_minutes,
        daily.verified_at,
        extract(day from last_day(by_month.last_day)) as days_in_month,
        (extract(day from last_day(by_month.last_day)) - extract(day from by_month.last_day))
        * daily.storage_cost
            as rest_of_month,
    from by_month
    inner join daily
        on
            by_month.last_day = daily.storage_date and by_month.account_sid = daily.account_sid
            and by_month.currency = daily.currency
)

select
    closed.storage_month,
    closed.account_sid,
    closed.account_name,
    closed.currency,
    closed.last_day,
    standing_recordings,
    standing_minutes,
    cast(cast(minute_days as double) / days_in_month as decimal(18, 9)) as minute_months,
    cast(cast(chargeable_minute_days as double) / days_in_month as decimal(18, 9))
        as chargeable_minute_months,
    days_without_rate,
    storage_cost,
    cast(storage_cost + rest_of_month as decimal(38, 9)) as storage_cost_estimate,
    closed.verified_at,
    months_read.is_running,
    months_read.days_read,
    months_read.days_missing,
from closed
left join months_read
    on
        closed.storage_month = months_read.month and closed.account_sid = months_read.account_sid
order by closed.storage_month, closed.account_sid, closed.currency
