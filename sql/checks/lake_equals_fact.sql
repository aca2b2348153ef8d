-- The fact table must contain each recording of the lake exactly once, with the same price.
-- severity: fail
with

lake as (
    select
        account_sid,
        currency,
        count(*) as recordings,
        count(price) as priced,
        sum(abs(price)) as cost,
    from landed.recordings
    group by account_sid, currency
),

fact as (
    select
        account_sid,
        currency,
        count(*) as recordings,
        count(cost) as priced,
        sum(cost) as cost,
    from marts.fct_recordings
    group by account_sid, currency
)

(select
    'only in the lake' as found,
    *
from (select * from lake except select * from fact))
union all
(select
    'only in the fact' as found,
    *
from (select * from fact except select * from lake))
