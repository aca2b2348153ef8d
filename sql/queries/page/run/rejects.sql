-- Records that could not be understood, and an estimate of their cost: for each the mean cost of a
-- priced recording of its account, split over the currencies of the account.
with

rejected as (
    select
        account_sid,
        count(*) as rejects,
    from ops.rejects
    group by account_sid
),

spent as (
    select
        account_sid,
        currency,
        sum(cost) as cost,
    from marts.daily_spend
    where cost is not null
    group by account_sid, currency
),

priced as (
    select
        account_sid,
        sum(priced_recordings) as recordings,
    from marts.daily_spend
    group by account_sid
)

select
    rejected.account_sid,
    spent.currency,
    rejected.rejects,
    cast(
        rejected.rejects
        * cast(spent.cost as double)
        / nullif(priced.recordings, 0) as decimal(38, 9)
    ) as hidden_cost,
from rejected
left join spent on rejected.account_sid = spent.account_sid
left join priced on rejected.account_sid = priced.account_sid
