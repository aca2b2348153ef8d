-- An account has prices of both signs, so it may have refunds: cost_if_counted is what it costs if
-- all are charges, cost_if_net if the rarer sign is a credit. Set credits to count or net.
-- severity: warn
with

by_account as (
    select
        account_sid,
        currency,
        count(*) filter (where price < 0) as negative,
        count(*) filter (where price > 0) as positive,
        sum(abs(price)) as cost_if_counted,
        abs(sum(price)) as cost_if_net,
    from marts.fct_recordings
    group by account_sid, currency
)

select by_account.*
from by_account
left join landed.accounts as accounts on by_account.account_sid = accounts.account_sid
where
    by_account.negative > 0 and by_account.positive > 0
    and coalesce(accounts.credits, 'count') <> 'net'
