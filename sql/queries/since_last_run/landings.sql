-- The landings that the figures are made of.
select landing
from ops.landings
order by landing
