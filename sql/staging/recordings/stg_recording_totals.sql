with

recordings as (
    select
        *,
        date '1970-01-01' + cast(epoch_us(created_at) // 86400000000 as integer) as charge_date,
    from marts.fct_recordings
)

select
    account_sid,
    cast(date_trunc('month', charge_date) as date) as charge_month,
    currency,
    count(*) as recordings,
    count(*) filter (where is_awaiting_price) as unpriced_recordings,
    count(deleted_at) as deleted_recordings,
    count(*) filter (where price < 0) as negative,
    count(*) filter (where price > 0) as positive,
    sum(price) as prices,
    sum(abs(price)) as price_sizes,
from recordings
group by account_sid, charge_month, currency
