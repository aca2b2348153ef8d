-- Records that could not be understood, and about what they may hide: each the mean cost of a recording of its account.
with

rejected as (
    select account_sid, count(*) as rejects
    from ops.rejects
    group by account_sid
),

means as (
    select account_sid, currency, sum(cost) / sum(recordings - unpriced_recordings) as mean_cost
    from marts.daily_spend
    where cost is not null
    group by account_sid, currency
)

select
    rejected.account_sid,
    accounts.account_name,
    means.currency,
    rejected.rejects,
    cast(rejected.rejects * means.mean_cost as decimal(38, 2)) as about,
from rejected
left join means on rejected.account_sid = means.account_sid
left join landed.accounts as accounts on rejected.account_sid = accounts.account_sid
