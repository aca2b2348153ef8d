with

account_days as (
    select * from marts.account_days
),

trends as (
    select * from marts.spend_trends
),

pattern as (
    select * from marts.weekday_pattern
),

settings as (
    select * from landed.settings
),

month_days as (
    select
        cast(unnest(generate_series(
            date_trunc('month', as_of),
            date_trunc('month', as_of) + interval 1 month - interval 1 day,
            interval 1 day
        )) as date) as usage_date,
    from settings
),

-- What is known about an account now; open_day is the first day that may be incomplete.
accounts as (
    select
        account_sid,
        account_name,
        currency,
        min(usage_date) as first_day,
        max(usage_date + cast(days_ago as integer)) as open_day,
    from account_days
    group by account_sid, account_name, currency
),

days as (
    select
        month_days.usage_date,
        accounts.account_sid,
        accounts.account_name,
        accounts.currency,
        floor((accounts.open_day - month_days.usage_date - 1) / 7.0) as weeks_ago,
    from month_days
    inner join accounts on month_days.usage_date >= accounts.first_day
),

outlooks as (
    select
        days.*,
        case when trends.level is not null then cast(
            trends.level * exp(-trends.growth_per_week * (days.weeks_ago + 0.5))
            * coalesce(pattern.factor, 1) as decimal(38, 9)
        ) end as outlook,
    from days
    left join trends on days.account_sid = trends.account_sid and days.currency = trends.currency
    left join pattern
        on
            days.account_sid = pattern.account_sid and days.currency = pattern.currency
            and extract(isodow from days.usage_date) = pattern.weekday
)

select
    days.usage_date,
    days.account_sid,
    days.account_name,
    days.currency,
    not coalesce(known.is_whole, false) as is_forecast,
    coalesce(known.unestimated_minutes, 0) as unestimated_minutes,
    known.cost,
    case
        when known.is_whole then known.expected_cost
        when known.recordings > 0
            then
                greatest(
                    coalesce(days.outlook, known.expected_cost),
                    coalesce(known.expected_cost, days.outlook)
                )
        else days.outlook
    end as expected_cost,
    coalesce(known.unestimated_recordings, 0) as unestimated_recordings,
from outlooks as days
left join account_days as known
    on
        days.account_sid = known.account_sid
        and days.currency = known.currency
        and days.usage_date = known.usage_date
order by days.usage_date, days.account_sid, days.currency
