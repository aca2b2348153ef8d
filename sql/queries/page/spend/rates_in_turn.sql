-- Rates that take turns or depend on the volume.
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
