-- Which weekdays have the most recordings?
-- isodow: 1 is Monday, 7 is Sunday.
select
    extract(isodow from usage_date) as weekday,
    sum(recordings) as recordings,
    sum(billed_minutes) as billed_minutes,
    count(distinct usage_date) as days_with_recordings,
from marts.daily_spend
group by extract(isodow from usage_date)
order by billed_minutes desc, weekday
