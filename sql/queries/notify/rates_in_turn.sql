-- Rates that take turns or depend on the volume, the newest first.
select *
from marts.rates_in_turn
order by since desc, account_sid, source, channels, lower_rate, higher_rate
