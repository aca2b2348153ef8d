-- The fact table must contain each recording of the lake exactly once, with the same source, channel
-- count, status, length and price.
-- severity: fail
-- scope: parts
with

lake as (
    select
        account_sid,
        source,
        channels,
        status,
        currency,
        count(*) as recordings,
        sum(duration_seconds) as duration_seconds,
        count(price) as priced,
        sum(abs(price)) as cost,
    from landed.recordings
    group by account_sid, source, channels, status, currency
),

fact as (
    select
        account_sid,
        source,
        channels,
        status,
        currency,
        count(*) as recordings,
        sum(duration_seconds) as duration_seconds,
        count(cost) as priced,
        -- A credit is negative; its size must be that of the price.
        sum(abs(cost)) as cost,
    from marts.fct_recordings
    group by account_sid, source, channels, status, currency
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
