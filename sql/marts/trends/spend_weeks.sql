with

account_days as (
    select * from marts.account_days
    where is_whole and expected_cost is not null and unestimated_minutes = 0 and days_ago <= 56
),

pattern as (
    select * from marts.weekday_pattern
),

days as (
    select
        account_days.account_sid,
        account_days.account_name,
        account_days.currency,
        account_days.weeks_ago,
        cast(account_days.expected_cost as double) as spend,
        cast(coalesce(pattern.factor, 1) as double) as factor,
    from account_days
    left join pattern
        on
            account_days.account_sid = pattern.account_sid
            and account_days.currency = pattern.currency
            and account_days.weekday = pattern.weekday
),

-- Use a partial week if most of it is there, or if there is no other.
weeks as (
    select
        account_sid,
        account_name,
        currency,
        weeks_ago,
        count(*) as days,
        coalesce(sum(spend) / nullif(sum(factor), 0), 0) as level,
    from days
    group by account_sid, account_name, currency, weeks_ago
    having count(*) >= 4 or weeks_ago = 0
),

misfits as (
    select
        days.account_sid,
        days.currency,
        days.weeks_ago,
        coalesce(
            sum(
                power(days.spend - weeks.level * days.factor, 2)
                / nullif(weeks.level * days.factor, 0)
            ),
            0
        ) as misfit,
    from days
    inner join weeks
        on
            days.account_sid = weeks.account_sid
            and days.currency = weeks.currency
            and days.weeks_ago = weeks.weeks_ago
    group by days.account_sid, days.currency, days.weeks_ago
)

select
    weeks.account_sid,
    weeks.account_name,
    weeks.currency,
    weeks.weeks_ago,
    weeks.days,
    cast(weeks.level as decimal(38, 9)) as level,
    cast(misfits.misfit as decimal(38, 9)) as misfit,
from weeks
inner join misfits
    on
        weeks.account_sid = misfits.account_sid and weeks.currency = misfits.currency
        and weeks.weeks_ago = misfits.weeks_ago
order by weeks.account_sid, weeks.currency, weeks.weeks_ago
