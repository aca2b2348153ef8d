-- Facts about the page: the newest day that was read, the newest day with recordings, the first day
-- with daily figures, and the time zone.
with

newest as (
    select max(usage_date) as newest_day
    from marts.daily_spend
)

select
    settings.as_of,
    coalesce(newest.newest_day, settings.as_of) as newest_day,
    cast(date_trunc('month', coalesce(newest.newest_day, settings.as_of) - 92) as date)
        as daily_from,
    settings.reporting_timezone,
from landed.settings as settings
cross join newest
