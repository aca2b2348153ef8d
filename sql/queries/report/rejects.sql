-- What the reports show of the records that could not be understood.
select *
from ops.rejects
order by all
