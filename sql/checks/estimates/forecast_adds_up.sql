-- A forecast must be what was charged so far plus what is expected for each remaining day, and its
-- interval must hold it.
-- severity: fail
with

forecast as (
    select * from marts.forecast
),

charged as (
    select
        account_sid,
        currency,
        cast(date_trunc('month', usage_date) as date) as month,
        sum(cost) as cost,
    from marts.daily_spend
    group by account_sid, currency, month
),

days as (
    select
        account_sid,
        currency,
        case when count(expected_cost) = count(*) then sum(expected_cost) end as expected_cost,
    from marts.forecast_days
    group by account_sid, currency
)

select
    forecast.account_sid,
    forecast.currency,
    forecast.cost,
    charged.cost as charged_cost,
    forecast.expected_cost,
    days.expected_cost as expected_by_days,
from forecast
left join charged
    on
        forecast.account_sid = charged.account_sid and forecast.currency = charged.currency
        and forecast.month = charged.month
left join days
    on forecast.account_sid = days.account_sid and forecast.currency = days.currency
where
    coalesce(forecast.cost, 0) <> coalesce(charged.cost, 0)
    or forecast.expected_cost is distinct from days.expected_cost
    or forecast.expected_cost < coalesce(forecast.cost, 0)
    or forecast.expected_cost not between forecast.low_cost and forecast.high_cost
