-- How much will the recordings without a price cost?
-- An estimate: their minutes at the account's recent rate, or else at the rate card's.
select
    month,
    account_name,
    currency,
    rate_source,
    sum(unpriced_recordings) as unpriced_recordings,
    sum(unpriced_minutes) as unpriced_minutes,
    sum(accrual) as expected_cost,
from marts.accruals
group by month, account_name, currency, rate_source
order by month, account_name, currency, rate_source
