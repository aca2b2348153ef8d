-- Days outside their usual range.
select *
from marts.anomalies
