-- The newest day that was read; no row when no day was.
select as_of
from landed.settings
where as_of is not null
