with

recordings as (
    select * from marts.fct_recordings
),

settings as (
    select * from landed.settings
),

months_read as (
    select * from marts.months_read
),

-- One pass over all recordings. A price that was already there when a recording was first seen says
-- nothing about how long it took. Days are whole UTC days since 1970, because time zone conversions
-- are slow and not needed here.
counted as (
    select
        usage_date,
        account_sid,
        account_name,
        is_priced,
        is_awaiting_price,
        case
            when first_priced_at > first_seen_at
                then epoch_us(first_priced_at) // 86400000000 - epoch_us(created_at) // 86400000000
        end as days,
        count(*) as recordings,
    from recordings
    group by usage_date, account_sid, account_name, is_priced, is_awaiting_price, days
),

settled as (
    select
        cast(date_trunc('month', counted.usage_date) as date) as month,
        counted.account_sid,
        counted.account_name,
        case
            when counted.is_priced and counted.days is not null then 'observed'
            when counted.is_priced then 'at first sight'
            when not counted.is_awaiting_price then 'none due'
            when counted.usage_date < settings.as_of - settings.settle_days then 'never'
            else 'waiting'
        end as settlement,
        counted.days,
        sum(counted.recordings) as recordings,
    from counted
    cross join settings
    group by month, counted.account_sid, counted.account_name, settlement, counted.days
),

running as (
    select
        *,
        sum(recordings) over (partition by month, account_sid, settlement order by days) as so_far,
        sum(recordings) over (partition by month, account_sid, settlement) as all_together,
    from settled
)

select
    running.month,
    running.account_sid,
    running.account_name,
    cast(sum(recordings) as bigint) as recordings,
    cast(coalesce(sum(recordings) filter (where settlement = 'at first sight'), 0) as bigint)
        as priced_at_first_sight,
    cast(coalesce(sum(recordings) filter (where settlement = 'observed'), 0) as bigint)
        as priced_later,
    cast(coalesce(sum(recordings) filter (where settlement = 'waiting'), 0) as bigint) as waiting,
    cast(coalesce(sum(recordings) filter (where settlement = 'never'), 0) as bigint)
        as never_priced,
    cast(
        min(days) filter (where settlement = 'observed' and so_far * 2 >= all_together) as integer
    ) as median_days,
    cast(
        min(days) filter (
            where settlement = 'observed' and so_far * 20 >= all_together * 19
        ) as integer
    ) as p95_days,
    months_read.is_running,
    months_read.days_read,
    months_read.days_missing,
from running
left join months_read
    on running.month = months_read.month and running.account_sid = months_read.account_sid
group by
    running.month,
    running.account_sid,
    running.account_name,
    months_read.is_running,
    months_read.days_read,
    months_read.days_missing
order by running.month, running.account_sid
