with

detail as (
    select * from marts.daily_spend_detail
),

made as (
    select
        account_sid,
        any_value(account_name) as account_name,
        currency,
        usage_date as day,
        sum(stored_recordings) as made_recordings,
        sum(stored_minutes) as made_minutes,
        sum(kept_recordings) as standing_recordings,
        sum(kept_minutes) as standing_minutes,
    from detail
    where stored_recordings > 0
    group by account_sid, currency, usage_date
),

gone as (
    select
        account_sid,
        any_value(account_name) as account_name,
        currency,
        day,
        sum(gone_recordings) as gone_recordings,
        sum(gone_minutes) as gone_minutes,
    from staging.stg_gone_recordings
    group by account_sid, currency, day
),

only_currency as (
    select
        account_sid,
        max(currency) as currency,
    from detail
    where currency <> 'XXX'
    group by account_sid
    having count(distinct currency) = 1
),

moved as (
    select
        account_sid,
        account_name,
        currency,
        day,
        made_recordings,
        made_minutes,
        0 as gone_recordings,
        0 as gone_minutes,
        standing_recordings,
        standing_minutes,
    from made
    union all
    select
        account_sid,
        account_name,
        currency,
        day,
        0 as made_recordings,
        0 as made_minutes,
        gone_recordings,
        gone_minutes,
        0 as standing_recordings,
        0 as standing_minutes,
    from gone
),

summed as (
    select
        moved.account_sid,
        moved.account_name,
        if(moved.currency = 'XXX', coalesce(only_currency.currency, 'XXX'), moved.currency)
            as currency,
        moved.day,
        cast(coalesce(sum(moved.made_recordings), 0) as bigint) as made_recordings,
        cast(coalesce(sum(moved.made_minutes), 0) as bigint) as made_minutes,
        cast(coalesce(sum(moved.gone_recordings), 0) as bigint) as gone_recordings,
        cast(coalesce(sum(moved.gone_minutes), 0) as bigint) as gone_minutes,
        cast(coalesce(sum(moved.standing_recordings), 0) as bigint) as standing_recordings,
        cast(coalesce(sum(moved.standing_minutes), 0) as bigint) as standing_minutes,
    from moved
    left join only_currency on moved.account_sid = only_currency.account_sid
    group by all
)

select
    summed.*,
    if(summed.standing_recordings > 0, last_readings.read_at, null) as verified_at,
from summed
left join marts.last_readings as last_readings
    on summed.account_sid = last_readings.account_sid and summed.day = last_readings.usage_date
order by summed.account_sid, summed.currency, summed.day
