with

expected as (
    select * from marts.expected_daily_spend
),

settings as (
    select * from landed.settings
),

unread as (
    select * from landed.unread_days
),

-- as_of is a day in UTC and may have been read before it ended: then the
-- day in which it starts, in the reporting time zone, is still open.
opening as (
    select
        reporting_timezone,
        cast(timezone(reporting_timezone, timezone('UTC', cast(as_of as timestamp))) as date)
            as open_day,
    from settings
),

unread_here as (
    select
        unread.account_sid,
        cast(
            timezone(
                opening.reporting_timezone, timezone('UTC', cast(unread.day as timestamp))
            ) as date
        ) as usage_date,
    from unread
    cross join opening
    union
    select
        unread.account_sid,
        cast(timezone(
            opening.reporting_timezone,
            timezone('UTC', cast(unread.day as timestamp) + interval '86399 seconds')
        ) as date),
    from unread
    cross join opening
),

spans as (
    select
        account_sid,
        account_name,
        currency,
        min(usage_date) as first_day,
        max(usage_date) as last_day,
    from expected
    group by account_sid, account_name, currency
),

days as (
    select
        spans.account_sid,
        spans.account_name,
        spans.currency,
        opening.open_day,
        cast(
            unnest(generate_series(first_day, greatest(last_day, open_day), interval 1 day)) as date
        ) as usage_date,
    from spans
    cross join opening
),

by_day as (
    select
        usage_date,
        account_sid,
        currency,
        cast(sum(recordings) as bigint) as recordings,
        sum(billed_minutes) as billed_minutes,
        sum(unestimated_minutes) as unestimated_minutes,
        sum(cost) as cost,
        sum(expected_cost) as expected_cost,
        cast(sum(unestimated_recordings) as bigint) as unestimated_recordings,
    from expected
    group by usage_date, account_sid, currency
)

select
    days.usage_date,
    days.account_sid,
    days.account_name,
    days.currency,
    days.open_day - days.usage_date as days_ago,
    cast(floor((days.open_day - days.usage_date - 1) / 7.0) as bigint) as weeks_ago,
    cast(extract(isodow from days.usage_date) as tinyint) as weekday,
    coalesce(days.usage_date < days.open_day and unread_here.usage_date is null, false) as is_whole,
    coalesce(by_day.recordings, 0) as recordings,
    coalesce(by_day.billed_minutes, 0) as billed_minutes,
    coalesce(by_day.unestimated_minutes, 0) as unestimated_minutes,
    by_day.cost,
    case
        when by_day.recordings is null then cast(0 as decimal(38, 9)) else by_day.expected_cost
    end as expected_cost,
    coalesce(by_day.unestimated_recordings, 0) as unestimated_recordings,
from days
left join by_day
    on
        days.usage_date = by_day.usage_date
        and days.account_sid = by_day.account_sid
        and days.currency = by_day.currency
left join
    unread_here
    on days.usage_date = unread_here.usage_date and days.account_sid = unread_here.account_sid
order by days.usage_date, days.account_sid, days.currency
