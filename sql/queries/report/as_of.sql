-- What a set of reports is of: the newest day that was read (UTC), and the time zone of its days.
select
    cast(as_of as varchar) as as_of,
    reporting_timezone,
from landed.settings
