-- What is stored on the newest day must be the recordings that are kept, and the cost of each day and
-- month must follow from its minutes and the rate.
-- severity: fail
with

storage as (
    select
        *,
        cast(date_trunc('month', storage_date) as date) as storage_month,
    from marts.storage_cost
),

months as (
    select * from marts.storage_by_month
),

newest_day as (
    select as_of from landed.settings
),

-- as_of is a day in UTC: east of it, recordings are made and deleted on the day after, which storage
-- does not count yet.
parts as (
    select
        account_sid,
        standing_minutes as minutes,
    from storage
    where storage_date = (select as_of from newest_day)
    union all
    select
        account_sid,
        made_minutes - gone_minutes as minutes,
    from marts.recordings_kept
    where day > (select as_of from newest_day)
),

newest as (
    select
        account_sid,
        sum(minutes) as minutes,
    from parts
    group by account_sid
),

kept as (
    select
        account_sid,
        sum(kept_minutes) as minutes,
    from marts.daily_spend_detail
    where (select as_of from newest_day) is not null
    group by account_sid
),

deletable as (
    select
        account_sid,
        sum(standing_minutes) as minutes,
    from marts.retention_candidates
    group by account_sid
),

by_month as (
    select
        storage_month,
        account_sid,
        currency,
        sum(storage_cost) as storage_cost,
    from storage
    group by storage_month, account_sid, currency
)

select
    'stored, but not kept' as found,
    coalesce(newest.account_sid, kept.account_sid) as account_sid,
    cast(null as date) as day,
    newest.minutes as amount,
    kept.minutes as due,
from newest
full join kept on newest.account_sid = kept.account_sid
where coalesce(newest.minutes, 0) <> coalesce(kept.minutes, 0)
union all
select
    'could be deleted, but is not stored',
    coalesce(deletable.account_sid, newest.account_sid),
    null,
    deletable.minutes as amount,
    newest.minutes as due,
from deletable
full join newest on deletable.account_sid = newest.account_sid
where coalesce(deletable.minutes, 0) <> coalesce(newest.minutes, 0)
union all
-- The chargeable minutes are rounded to nine decimals.
select
    'not its minutes at the rate',
    account_sid,
    storage_date,
    storage_cost,
    cast(
        chargeable_minutes * price_per_minute_month / day(last_day(storage_date)) as decimal(38, 9)
    ),
from storage
where
    chargeable_minutes > standing_minutes
    or abs(
        storage_cost - chargeable_minutes * price_per_minute_month / day(last_day(storage_date))
    ) > 0.00000001
union all
select
    'not the sum of its days',
    coalesce(months.account_sid, by_month.account_sid),
    coalesce(months.storage_month, by_month.storage_month),
    months.storage_cost as amount,
    by_month.storage_cost as due,
from months
full join by_month
    on
        months.storage_month = by_month.storage_month
        and months.account_sid = by_month.account_sid and months.currency = by_month.currency
where months.storage_cost is distinct from by_month.storage_cost
