with

recordings as (
    select * from marts.fct_recordings
),

settings as (
    select * from landed.settings
),

-- The one pass over all recordings. A price that was there at first sight says nothing of how long it took.
counted as (
    select
        cast(date_trunc('month', recordings.usage_date) as date) as month,
        recordings.account_sid,
        recordings.account_name,
        case
            when not recordings.is_priced and recordings.usage_date < settings.as_of - settings.settle_days then 'never'
            when not recordings.is_priced then 'waiting'
            when recordings.first_priced_at > recordings.first_seen_at then 'observed'
            else 'at first sight'
        end as settlement,
        case
            when recordings.first_priced_at > recordings.first_seen_at
                then date_diff('day', cast(recordings.created_at as date), cast(recordings.first_priced_at as date))
        end as days,
        count(*) as recordings,
    from recordings
    cross join settings
    group by
        cast(date_trunc('month', recordings.usage_date) as date), recordings.account_sid, recordings.account_name,
        settlement, days
),

running as (
    select
        *,
        sum(recordings) over (partition by month, account_sid, settlement order by days) as so_far,
        sum(recordings) over (partition by month, account_sid, settlement) as all_together,
    from counted
)

select
    month,
    account_sid,
    account_name,
    cast(sum(recordings) as bigint) as recordings,
    cast(coalesce(sum(recordings) filter (where settlement = 'at first sight'), 0) as bigint) as priced_at_first_sight,
    cast(coalesce(sum(recordings) filter (where settlement = 'observed'), 0) as bigint) as priced_later,
    cast(coalesce(sum(recordings) filter (where settlement = 'waiting'), 0) as bigint) as waiting,
    cast(coalesce(sum(recordings) filter (where settlement = 'never'), 0) as bigint) as never_priced,
    cast(min(days) filter (where settlement = 'observed' and so_far * 2 >= all_together) as integer) as median_days,
    cast(min(days) filter (where settlement = 'observed' and so_far * 20 >= all_together * 19) as integer) as p95_days,
from running
group by month, account_sid, account_name
order by month, account_sid
