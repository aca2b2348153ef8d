-- The lake differs from the raw pages in what figures are made of, or lacks recordings. Run
-- `recspend normalize --rebuild`; if that does not help, recspend has an error.
-- severity: fail
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
where differing > 0 and is_figure
