with

-- The two rates with most minutes; of equally many, the higher ones.
main_rates as (
    select * from marts.shared_rates
    qualify row_number() over (
        partition by usage_date, account_sid, source, channels, currency
        order by minutes desc, rate_charged desc
    ) <= 2
)

select
    usage_date,
    account_sid,
    source,
    channels,
    currency,
    min(rate_charged) as lower_rate,
    max(rate_charged) as higher_rate,
from main_rates
group by usage_date, account_sid, source, channels, currency
