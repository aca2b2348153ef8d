-- A fetch ended on a full page that names no next page, so recordings may be missing; the documented end is null.
-- severity: warn
select
    landing,
    kind,
    rows as pages,
from ops.oddities
where kind = 'no next_page_uri on a full page'
