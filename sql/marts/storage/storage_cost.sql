with

days as (
    select
        *,
        cast(date_trunc('month', storage_date) as date) as storage_month,
    from marts.storage_days
),

allowances as (
    select * from marts.storage_allowances
),

-- The free minutes of a month are shared by all accounts and days in proportion to their minutes.
charged as (
    select
        days.*,
        case
            when days.price_per_minute_month is not null
                then
                    cast(days.standing_minutes as double)
                    * coalesce(
                        cast(allowances.chargeable_minute_days as double)
                        / nullif(allowances.minute_days, 0),
                        0
                    )
        end as chargeable,
    from days
    left join allowances
        on
            days.price_per_minute_month is not null
            and days.storage_month = allowances.storage_month
            and days.rate_account_sid is not distinct from allowances.rate_account_sid
            and days.currency = allowances.currency
)

select
    storage_date,
    account_sid,
    account_name,
    currency,
    standing_recordings,
    standing_minutes,
    price_per_minute_month,
    shared_free_minutes,
    cast(chargeable as decimal(18, 9)) as chargeable_minutes,
    cast(
        chargeable
        * price_per_minute_month
        / extract(day from last_day(storage_date)) as decimal(38, 9)
    )
        as storage_cost,
    verified_at,
from charged
order by storage_date, account_sid, currency
