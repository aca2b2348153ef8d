-- The lake differs from the raw pages in a detail that no cost depends on. Run
-- `recspend normalize --rebuild`.
-- severity: warn
select
    account_sid,
    field,
    differing,
    compared,
    example_sid,
    in_lake,
    on_page,
    raw_page,
from ops.raw_comparison
where differing > 0 and not is_figure
