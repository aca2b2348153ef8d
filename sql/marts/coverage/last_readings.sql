with

coverage as (
    select * from ops.coverage
),

settings as (
    select * from landed.settings
),

read_days as (
    select
        account_sid,
        day,
        fetched_at,
    from coverage
    where recordings > 0 and fetched_at is not null
),

-- The days in the reporting time zone that a UTC day touches.
usage_dates as (
    select
        days.day,
        cast(unnest(generate_series(
            date_trunc('day', timezone(settings.reporting_timezone, timezone('UTC', days.day))),
            timezone(
                settings.reporting_timezone,
                timezone('UTC', days.day + interval 1 day) - interval 1 microsecond
            ),
            interval 1 day
        )) as date) as usage_date,
    from (select distinct cast(read_days.day as timestamp) as day from read_days) as days
    cross join settings
)

select
    read_days.account_sid,
    usage_dates.usage_date,
    min(read_days.fetched_at) as read_at,
from read_days
inner join usage_dates on read_days.day = cast(usage_dates.day as date)
group by read_days.account_sid, usage_dates.usage_date
order by read_days.account_sid, usage_dates.usage_date
