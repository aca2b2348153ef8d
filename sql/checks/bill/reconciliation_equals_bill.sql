-- The comparison must have each bill whole, set against what was charged for the same days, and the
-- parts of a difference must add up to it.
-- severity: fail
with

compared as (
    select * from marts.reconciliation
),

billed as (
    select
        'usage records' as against,
        account_sid,
        sum(price) as their_cost,
        sum(minutes) as their_minutes,
    from landed.usage_records
    group by account_sid
    union all
    select
        'invoice',
        account_sid,
        sum(amount),
        sum(quantity),
    from landed.invoices
    where category = 'recordings'
    group by account_sid
),

theirs as (
    select
        against,
        account_sid,
        sum(their_cost) as their_cost,
        sum(their_minutes) as their_minutes,
    from compared
    group by against, account_sid
),

ours as (
    select
        compared.against,
        compared.period_start,
        compared.account_sid,
        compared.currency,
        compared.our_cost,
        sum(charges.cost) as charged_cost,
    from compared
    left join marts.daily_charges as charges
        on
            compared.account_sid = charges.account_sid
            and compared.currency = charges.currency
            and compared.period_start = case compared.against
                when 'invoice' then cast(date_trunc('month', charges.charge_date) as date)
                else charges.charge_date
            end
    group by all
)

select
    'bill' as found,
    billed.against,
    billed.account_sid,
    cast(null as date) as period_start,
    theirs.their_cost as amount,
    billed.their_cost as due,
from billed
left join theirs on billed.against = theirs.against and billed.account_sid = theirs.account_sid
where
    coalesce(theirs.their_cost, 0) <> coalesce(billed.their_cost, 0)
    or coalesce(theirs.their_minutes, 0) <> coalesce(billed.their_minutes, 0)
union all
select
    'our cost',
    against,
    account_sid,
    period_start,
    our_cost,
    charged_cost,
from ours
where coalesce(our_cost, 0) <> coalesce(charged_cost, 0)
union all
select
    'parts',
    against,
    account_sid,
    period_start,
    difference,
    only_ours_amount + only_theirs_amount + quantity_amount + rate_amount + unpriced_amount,
from compared
where
    difference <> their_cost - coalesce(our_cost, 0)
    or difference
    <> only_ours_amount + only_theirs_amount + quantity_amount + rate_amount + unpriced_amount
