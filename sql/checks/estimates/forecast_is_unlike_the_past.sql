-- What is expected for the rest of the month is half as much again as the largest, or less than half
-- of the smallest, of the same weekdays in the last eight weeks.
-- severity: warn
with

days as (
    select * from marts.account_days
    where is_whole and days_ago <= 56 and expected_cost is not null
),

usual as (
    select
        account_sid,
        currency,
        weekday,
        min(expected_cost) as lowest,
        max(expected_cost) as highest,
    from days
    group by account_sid, currency, weekday
    having count(*) >= 4
),

expected as (
    select
        forecast_days.account_sid,
        forecast_days.currency,
        sum(forecast_days.expected_cost) as expected_cost,
        sum(usual.lowest) as lowest,
        sum(usual.highest) as highest,
    from marts.forecast_days as forecast_days
    inner join usual
        on
            forecast_days.account_sid = usual.account_sid
            and forecast_days.currency = usual.currency
            and extract(isodow from forecast_days.usage_date) = usual.weekday
    where forecast_days.is_forecast
    group by forecast_days.account_sid, forecast_days.currency
)

select * from expected
where expected_cost > 1.5 * highest or expected_cost < 0.5 * lowest
