with

waits as (
    select * from staging.stg_price_waits
),

settings as (
    select * from landed.settings
),

months_read as (
    select * from marts.months_read
),

settled as (
    select
        waits.month,
        waits.account_sid,
        waits.account_name,
        case
            when waits.is_priced and waits.days is not null then 'observed'
            when waits.is_priced then 'at first sight'
            when not waits.is_awaiting_price then 'none due'
            when waits.waiting_since < settings.as_of - settings.settle_days then 'never'
            else 'waiting'
        end as settlement,
        waits.days,
        sum(waits.recordings) as recordings,
    from waits
    cross join settings
    group by waits.month, waits.account_sid, waits.account_name, settlement, waits.days
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
