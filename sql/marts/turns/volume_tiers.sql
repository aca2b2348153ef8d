with

pairs as (
    select distinct
        account_sid,
        source,
        channels,
        currency,
        lower_rate,
        higher_rate,
    from marts.rate_switches
),

month_rates as (
    select * from marts.month_rates
),

pair_months as (
    select
        pairs.*,
        month_rates.month,
        arg_min(
            month_rates.rate_charged,
            (month_rates.last_day, month_rates.first_day, month_rates.rate_charged)
        ) as first_rate,
        case
            when count(*) = 1 then 'one rate'
            when
                min(month_rates.last_day) <= arg_max(
                    month_rates.first_day,
                    (month_rates.last_day, month_rates.first_day, month_rates.rate_charged)
                )
                then 'in order'
            else 'mixed'
        end as use,
        case
            when count(*) = 1 then min(month_rates.minutes_up_to)
            else arg_max(
                month_rates.minutes_up_to - month_rates.minutes,
                (month_rates.last_day, month_rates.first_day, month_rates.rate_charged)
            )
        end as minutes,
    from pairs
    inner join month_rates
        on
            pairs.account_sid = month_rates.account_sid and pairs.source = month_rates.source
            and pairs.channels is not distinct from month_rates.channels
            and pairs.currency = month_rates.currency
            and month_rates.rate_charged in (pairs.lower_rate, pairs.higher_rate)
    group by
        pairs.account_sid, pairs.source, pairs.channels, pairs.currency, pairs.lower_rate,
        pairs.higher_rate, month_rates.month
),

compared as (
    select
        *,
        last_value(case when use = 'in order' then minutes end ignore nulls) over earlier
            as known_minutes,
        last_value(case when use = 'in order' then first_rate end ignore nulls) over earlier
            as known_rate,
    from pair_months
    window earlier as (
        partition by account_sid, source, channels, currency, lower_rate, higher_rate
        order by month
        rows between unbounded preceding and 1 preceding
    )
),

-- A month that contradicts the months before begins another schedule.
schedules as (
    select
        *,
        count(*) filter (
            where use = 'mixed' or first_rate <> known_rate
            or (use = 'in order' and abs(minutes - known_minutes) * 20 > known_minutes)
            or (use = 'one rate' and minutes * 20 > known_minutes * 21)
        ) over (
            partition by account_sid, source, channels, currency, lower_rate, higher_rate
            order by month
            rows unbounded preceding
        ) as schedule,
    from compared
),

tiers as (
    select
        account_sid,
        source,
        channels,
        currency,
        lower_rate,
        higher_rate,
        min(month) as first_month,
        any_value(first_rate) filter (where use = 'in order') as first_rate,
        cast(round(avg(minutes) filter (where use = 'in order')) as bigint) as threshold_minutes,
        count(*) filter (where use = 'in order') as months,
        lead(min(month)) over (
            partition by account_sid, source, channels, currency, lower_rate, higher_rate
            order by min(month)
        ) as until_month,
    from schedules
    group by
        account_sid, source, channels, currency, lower_rate, higher_rate, schedule
)

select *
from tiers
where months >= 2
order by account_sid, source, channels, currency, lower_rate, higher_rate, first_month
