-- Spend of the newest month by account.
select
    account_name as account,
    currency,
    recordings,
    billed_minutes as minutes,
    cost,
    unpriced_recordings as unpriced,
    month,
from marts.spend_by_account
where month = (select max(month) from marts.spend_by_account)
order by currency, cost desc nulls last, account
