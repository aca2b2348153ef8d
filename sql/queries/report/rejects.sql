-- Records that could not be understood, as the reports show them.
select *
from ops.rejects
order by all
