-- The days of creation that some landings ($landings) are of: a landing touches recordings of its
-- own days only.
select
    min(first_day) as first_day,
    max(last_day) as last_day,
from ops.landings
where landing in (select unnest($landings))
