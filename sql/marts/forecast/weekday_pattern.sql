with

days as (
    select * from marts.usual_days
),

-- Weeks are counted back from the last whole day, so the trend within a week is part of the
-- pattern.
weeks as (
    select
        account_sid,
        currency,
        weeks_ago,
        sum(usual_cost) as usual_cost,
    from days
    group by account_sid, currency, weeks_ago
    having count(*) = 7
),

whole as (
    select
        account_sid,
        currency,
        count(*) as weeks,
        sum(cast(usual_cost as double)) as usual_cost,
    from weeks
    group by account_sid, currency
    having count(*) >= 2
),

by_weekday as (
    select
        days.account_sid,
        days.account_name,
        days.currency,
        days.weekday,
        sum(cast(days.usual_cost as double)) as usual_cost,
    from days
    inner join weeks
        on
            days.account_sid = weeks.account_sid
            and days.currency = weeks.currency
            and days.weeks_ago = weeks.weeks_ago
    group by days.account_sid, days.account_name, days.currency, days.weekday
)

select
    by_weekday.account_sid,
    by_weekday.account_name,
    by_weekday.currency,
    by_weekday.weekday,
    cast(
        coalesce(7 * by_weekday.usual_cost / nullif(whole.usual_cost, 0), 1) as decimal(18, 9)
    ) as factor,
    whole.weeks,
from by_weekday
inner join
    whole
    on by_weekday.account_sid = whole.account_sid and by_weekday.currency = whole.currency
order by by_weekday.account_sid, by_weekday.currency, by_weekday.weekday
