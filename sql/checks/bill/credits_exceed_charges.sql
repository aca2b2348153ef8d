-- In a month of an account whose credits are net, most prices are credits. Perhaps the API changed
-- the sign of charges; then set credits to count.
-- severity: warn
select
    cast(date_trunc('month', usage_date) as date) as month,
    account_sid,
    currency,
    sum(priced_recordings) filter (where is_credit) as credited_recordings,
    sum(priced_recordings) filter (where is_charged) as charged_recordings,
    sum(cost) as cost,
from marts.daily_spend_detail
group by month, account_sid, currency
having
    coalesce(sum(priced_recordings) filter (where is_credit), 0)
    > coalesce(sum(priced_recordings) filter (where is_charged), 0)
