with

account_days as (
    select
        *,
        min(day) over (partition by account_sid) as first_day,
    from landed.account_days
),

daily as (
    select * from marts.daily_spend
),

-- The newest day read may have been read before it was over, so the day in which it starts, in the
-- reporting time zone, is still open.
opening as (
    select
        reporting_timezone,
        cast(timezone(reporting_timezone, timezone('UTC', cast(as_of as timestamp))) as date)
            as open_day,
    from landed.settings
),

-- A UTC day is part of one or two days of the reporting time zone.
local_days as (
    select
        account_days.account_sid,
        cast(unnest([
            timezone(
                opening.reporting_timezone, timezone('UTC', cast(account_days.day as timestamp))
            ),
            timezone(
                opening.reporting_timezone,
                timezone('UTC', cast(account_days.day as timestamp) + interval '86399 seconds')
            )
        ]) as date) as usage_date,
        account_days.first_day,
        account_days.is_covered,
    from account_days
    cross join opening
),

-- West of UTC, the first day begins on the day before, of which no more is known.
known_days as (
    select * from local_days
    where usage_date >= first_day
),

days as (
    select
        usage_date,
        account_sid,
        bool_and(is_covered) as is_read,
    from known_days
    group by usage_date, account_sid
    union all
    select
        usage_date,
        null,
        bool_and(is_covered),
    from known_days
    group by usage_date
),

months as (
    select
        cast(date_trunc('month', usage_date) as date) as month,
        account_sid,
    from days
    union
    select
        cast(date_trunc('month', usage_date) as date),
        unnest([account_sid, null]),
    from daily
),

counted as (
    select
        months.month,
        months.account_sid,
        opening.open_day,
        count(*) filter (where days.is_read and days.usage_date < opening.open_day) as days_read,
    from months
    cross join opening
    left join days
        on
            months.month = cast(date_trunc('month', days.usage_date) as date)
            and months.account_sid is not distinct from days.account_sid
    group by months.month, months.account_sid, opening.open_day
)

select
    month,
    account_sid,
    month >= date_trunc('month', open_day) as is_running,
    days_read,
    greatest(least(last_day(month) + 1, open_day) - month - days_read, 0) as days_missing,
from counted
order by month, account_sid
