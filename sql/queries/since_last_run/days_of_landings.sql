-- The creation days of these landings ($landings): a landing only affects recordings of its own
-- days.
select
    min(first_day) as first_day,
    max(last_day) as last_day,
from ops.landings
where landing in (select unnest($landings))
