-- The charges exported to cost systems must equal the spend tables, per account and currency, to
-- the last decimal.
-- severity: fail
with

spend as (
    select
        account_sid,
        currency,
        sum(priced_recordings) as priced_recordings,
        sum(priced_minutes) as priced_minutes,
        sum(cost) as cost,
    from marts.daily_spend
    group by account_sid, currency
    having sum(priced_recordings) > 0
),

charges as (
    select
        account_sid,
        currency,
        sum(priced_recordings) as priced_recordings,
        sum(priced_minutes) as priced_minutes,
        sum(cost) as cost,
    from marts.daily_charges
    group by account_sid, currency
)

(select
    'in the spend, not in the charges' as found,
    *
from (select * from spend except select * from charges))
union all
(select
    'in the charges, not in the spend' as found,
    *
from (select * from charges except select * from spend))
