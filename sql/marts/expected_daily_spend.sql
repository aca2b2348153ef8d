with

daily as (
    select * from marts.daily_spend
),

settings as (
    select * from landed.settings
),

-- A recording without a price often has no currency either; an account that is charged in one will get that one.
charged as (
    select account_sid, min(currency) as currency
    from daily
    where cost is not null and currency <> 'XXX'
    group by account_sid
    having count(distinct currency) = 1
),

assigned as (
    select
        daily.usage_date, daily.account_sid, daily.account_name, daily.source, daily.channels,
        case when daily.cost is null and daily.currency = 'XXX' then coalesce(charged.currency, 'XXX') else daily.currency
        end as currency,
        daily.recordings, daily.billed_minutes, daily.priced_minutes,
        case
            when daily.usage_date >= settings.as_of - settings.settle_days then daily.billed_minutes - daily.priced_minutes
            else 0
        end as awaited_minutes,
        daily.cost,
    from daily
    cross join settings
    left join charged on daily.account_sid = charged.account_sid
),

by_day as (
    select
        usage_date, account_sid, account_name, source, channels, currency,
        cast(sum(recordings) as bigint) as recordings,
        cast(sum(billed_minutes) as bigint) as billed_minutes,
        cast(sum(priced_minutes) as bigint) as priced_minutes,
        cast(sum(awaited_minutes) as bigint) as awaited_minutes,
        sum(cost) as cost,
        sum(sum(cost)) over account_day as account_cost,
        sum(sum(priced_minutes)) over account_day as account_minutes,
    from assigned
    group by usage_date, account_sid, account_name, source, channels, currency
    window account_day as (
        partition by account_sid, currency order by usage_date range between interval 27 days preceding and current row
    )
),

rated as (
    select
        *,
        cast(coalesce(
            cast(sum(cost) over recent as double) / nullif(sum(priced_minutes) over recent, 0),
            cast(account_cost as double) / nullif(account_minutes, 0)
        ) as decimal(18, 9)) as recent_rate,
    from by_day
    window recent as (
        partition by account_sid, source, channels, currency order by usage_date
        range between interval 27 days preceding and current row
    )
)

select
    usage_date, account_sid, account_name, source, channels, currency,
    recordings, billed_minutes, awaited_minutes,
    case when recent_rate is null then awaited_minutes else 0 end as unestimated_minutes,
    recent_rate,
    cost,
    case
        when awaited_minutes = 0 or recent_rate is null then cost
        else cast(coalesce(cost, 0) + awaited_minutes * recent_rate as decimal(38, 9))
    end as expected_cost,
from rated
order by usage_date, account_sid, source, channels, currency
