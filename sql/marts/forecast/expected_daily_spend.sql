with

daily as (
    select * from marts.daily_spend
),

-- A recording without a price often has no currency either; if an account is charged in only
-- one currency, that one is assumed.
charged as (
    select
        account_sid,
        min(currency) as currency,
    from daily
    where cost is not null and currency <> 'XXX'
    group by account_sid
    having count(distinct currency) = 1
),

assigned as (
    select
        daily.usage_date,
        daily.account_sid,
        daily.account_name,
        daily.source,
        daily.channels,
        coalesce(charged.currency, daily.currency) as currency,
        daily.recordings,
        daily.billed_minutes,
        daily.priced_minutes,
        case
            when daily.usage_date >= settings.as_of - settings.settle_days
                then daily.unpriced_minutes
            else 0
        end as awaited_minutes,
        daily.cost,
    from daily
    cross join landed.settings as settings
    left join charged
        on daily.account_sid = charged.account_sid and daily.cost is null and daily.currency = 'XXX'
),

by_day as (
    select
        usage_date,
        account_sid,
        account_name,
        source,
        channels,
        currency,
        cast(sum(recordings) as bigint) as recordings,
        cast(sum(billed_minutes) as bigint) as billed_minutes,
        sum(priced_minutes) as priced_minutes,
        cast(sum(awaited_minutes) as bigint) as awaited_minutes,
        sum(cost) as cost,
    from assigned
    group by usage_date, account_sid, account_name, source, channels, currency
),

-- Only the days that wait for prices, which are few.
rates as (
    select
        by_day.usage_date,
        by_day.account_sid,
        by_day.source,
        by_day.channels,
        by_day.currency,
        cast(coalesce(
            sum(cast(before.cost as double))
            filter (
                where before.source = by_day.source
                and before.channels is not distinct from by_day.channels
            )
            / nullif(
                sum(before.priced_minutes)
                filter (
                    where before.source = by_day.source
                    and before.channels is not distinct from by_day.channels
                ),
                0
            ),
            sum(cast(before.cost as double)) / nullif(sum(before.priced_minutes), 0)
        ) as decimal(18, 9)) as recent_rate,
    from by_day
    inner join by_day as before
        on
            by_day.account_sid = before.account_sid and by_day.currency = before.currency
            and before.usage_date between by_day.usage_date - 27 and by_day.usage_date
    where by_day.awaited_minutes > 0
    group by by_day.usage_date, by_day.account_sid, by_day.source, by_day.channels, by_day.currency
)

select
    by_day.usage_date,
    by_day.account_sid,
    by_day.account_name,
    by_day.source,
    by_day.channels,
    by_day.currency,
    by_day.recordings,
    by_day.billed_minutes,
    by_day.awaited_minutes,
    case when rates.recent_rate is null then by_day.awaited_minutes else 0 end
        as unestimated_minutes,
    rates.recent_rate,
    by_day.cost,
    case
        when rates.recent_rate is null then by_day.cost
        else cast(
            coalesce(by_day.cost, 0) + by_day.awaited_minutes * rates.recent_rate as decimal(38, 9)
        )
    end as expected_cost,
from by_day
left join rates
    on
        by_day.usage_date = rates.usage_date
        and by_day.account_sid = rates.account_sid
        and by_day.source = rates.source
        and by_day.channels is not distinct from rates.channels and by_day.currency = rates.currency
order by by_day.usage_date, by_day.account_sid, by_day.source, by_day.channels, by_day.currency
