-- The landings that the figures are based on.
select landing
from ops.landings
order by landing
