-- An account has prices of both signs, so it may have refunds: cost_if_counted is what it costs if
-- all are charges, cost_if_net if the rarer sign is a credit. Set credits to count or net.
-- severity: warn
with

by_account as (
    select
        account_sid,
        currency,
        cast(sum(negative) as bigint) as negative,
        cast(sum(positive) as bigint) as positive,
        sum(price_sizes) as cost_if_counted,
        abs(sum(prices)) as cost_if_net,
    from staging.stg_recording_totals
    group by account_sid, currency
)

select by_account.*
from by_account
left join landed.accounts as accounts on by_account.account_sid = accounts.account_sid
where
    by_account.negative > 0 and by_account.positive > 0
    and coalesce(accounts.credits, 'count') <> 'net'
