-- Accruals that are not overdue must be what the expected daily spend adds to the cost.
-- severity: fail
with

accrued as (
    select
        account_sid,
        currency,
        sum(coalesce(accrual, 0) - coalesce(overdue_accrual, 0)) as amount,
    from marts.accruals
    group by account_sid, currency
),

expected as (
    select
        account_sid,
        currency,
        sum(coalesce(expected_cost, 0) - coalesce(cost, 0)) as amount,
    from marts.expected_daily_spend
    group by account_sid, currency
)

select
    coalesce(accrued.account_sid, expected.account_sid) as account_sid,
    coalesce(accrued.currency, expected.currency) as currency,
    accrued.amount as accrued,
    expected.amount as expected,
from accrued
full join expected
    on accrued.account_sid = expected.account_sid and accrued.currency = expected.currency
where coalesce(accrued.amount, 0) <> coalesce(expected.amount, 0)
