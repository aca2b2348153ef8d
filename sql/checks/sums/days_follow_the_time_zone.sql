-- A recording must count on its day in the reporting time zone; on another day it may be in the
-- wrong month. Time zones differ by whole quarters of an hour, so each quarter is converted once.
-- severity: fail
-- scope: parts
with

quarters as (
    select
        account_sid,
        epoch_us(created_at) // 900000000 as quarter,
        count(*) as recordings,
        sum(abs(price)) as cost,
    from landed.recordings
    group by account_sid, quarter
),

lake as (
    select
        quarters.account_sid,
        cast(
            timezone(settings.reporting_timezone, to_timestamp(quarters.quarter * 900)) as date
        ) as usage_date,
        sum(quarters.recordings) as recordings,
        sum(quarters.cost) as cost,
    from quarters
    cross join landed.settings as settings
    group by quarters.account_sid, usage_date
),

daily as (
    select
        account_sid,
        usage_date,
        sum(recordings) as recordings,
        sum(cost + 2 * credits) as cost,
    from marts.daily_spend_detail
    group by account_sid, usage_date
)

(select
    'in the lake' as found,
    *
from (select * from lake except select * from daily))
union all
(select
    'in the spend' as found,
    *
from (select * from daily except select * from lake))
