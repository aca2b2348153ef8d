-- What the page says of itself: the newest day that was read, from when on it knows single days, and the time zone.
select
    as_of,
    cast(date_trunc('month', as_of - 92) as date) as daily_from,
    reporting_timezone,
    settle_days,
    accrual_rate_days,
from landed.settings
