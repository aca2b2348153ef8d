with

-- A price that was already there when a recording was first seen says nothing about how long it took.
-- Days are whole UTC days since 1970, because time zone conversions are slow and not needed here.
recordings as (
    select
        *,
        date '1970-01-01' + cast(epoch_us(created_at) // 86400000000 as integer) as charge_date,
        case
            when first_priced_at > first_seen_at
                then epoch_us(first_priced_at) // 86400000000 - epoch_us(created_at) // 86400000000
        end as days,
    from marts.fct_recordings
)

select
    account_sid,
    account_name,
    cast(date_trunc('month', usage_date) as date) as month,
    cast(date_trunc('month', charge_date) as date) as charge_month,
    is_priced,
    is_awaiting_price,
    case when is_awaiting_price then usage_date end as waiting_since,
    case when is_priced then days end as days,
    count(*) as recordings,
from recordings
group by all
