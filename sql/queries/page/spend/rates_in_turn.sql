-- Rates that take turns, depend on the volume, or are charged side by side.
select
    since,
    last_day,
    account_sid,
    source,
    channels,
    currency,
    kind,
    lower_rate,
    higher_rate,
    first_rate,
    threshold_minutes,
    lower_minutes,
    lower_cost,
    higher_minutes,
    higher_cost,
from marts.rates_in_turn
