-- Lasting changes of the level of spend.
select *
from marts.spend_shifts
