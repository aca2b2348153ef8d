-- The newest day that was read; no row if no day was read.
select as_of
from landed.settings
where as_of is not null
