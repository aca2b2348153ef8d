-- Rates that take turns, depend on the volume, or are charged side by side, the newest first.
select *
from marts.rates_in_turn
order by since desc, account_sid, source, channels, lower_rate, higher_rate
