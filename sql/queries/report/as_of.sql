-- The newest day that was read (UTC), and the reporting time zone.
select
    cast(as_of as varchar) as as_of,
    reporting_timezone,
from landed.settings
