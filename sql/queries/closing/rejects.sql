-- Records of a month that could not be understood: created from $begins to before $ends, or without
-- a creation date in a window that overlaps the days $first to $last (UTC), since such a record
-- may belong to any day of its window.
select count(*) as rejects
from ops.rejects
where
    (created_at >= $begins and created_at < $ends)
    or (
        created_at is null
        and window_first <= cast($last as date)
        and window_last >= cast($first as date)
    )
