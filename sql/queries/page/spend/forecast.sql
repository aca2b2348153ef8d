-- Forecast of the current month.
select
    account_sid,
    month,
    currency,
    cost,
    expected_cost,
    low_cost,
    high_cost,
    interval_percent,
    forecast_days,
    history_days,
    unestimated_minutes,
    unestimated_recordings,
from marts.forecast
