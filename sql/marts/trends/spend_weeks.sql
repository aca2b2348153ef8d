with

usual_days as (
    select * from marts.usual_days
),

pattern as (
    select * from marts.weekday_pattern
),

days as (
    select
        usual_days.account_sid,
        usual_days.account_name,
        usual_days.currency,
        usual_days.weeks_ago,
        cast(usual_days.usual_cost as double) as spend,
        cast(usual_days.expected_cost - usual_days.usual_cost as double) as unusual,
        cast(coalesce(pattern.factor, 1) as double) as factor,
    from usual_days
    left join pattern
        on
            usual_days.account_sid = pattern.account_sid
            and usual_days.currency = pattern.currency
            and usual_days.weekday = pattern.weekday
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
        power(sum(days.unusual), 2) as unusual_square,
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
    cast(misfits.unusual_square as decimal(38, 9)) as unusual_square,
from weeks
inner join misfits
    on
        weeks.account_sid = misfits.account_sid and weeks.currency = misfits.currency
        and weeks.weeks_ago = misfits.weeks_ago
order by weeks.account_sid, weeks.currency, weeks.weeks_ago
