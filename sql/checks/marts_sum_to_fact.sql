-- Each spend table must add up to the recordings it sums, per currency, to the last decimal.
-- severity: fail
with

fact as (
    select currency, count(*) as recordings, count(*) filter (where not is_priced) as unpriced, sum(cost) as cost
    from marts.fct_recordings
    group by currency
),

totals as (
    select 'marts.daily_spend_detail' as model, currency, sum(recordings) as recordings,
        sum(unpriced_recordings) as unpriced, sum(cost) as cost
    from marts.daily_spend_detail
    group by currency
    union all
    select 'marts.daily_spend', currency, sum(recordings), sum(unpriced_recordings), sum(cost)
    from marts.daily_spend
    group by currency
    union all
    select 'marts.monthly_spend', currency, sum(recordings), sum(unpriced_recordings), sum(cost)
    from marts.monthly_spend
    group by currency
    union all
    select 'marts.spend_by_status', currency, sum(recordings), sum(unpriced_recordings), sum(cost)
    from marts.spend_by_status
    group by currency
    union all
    select 'marts.spend_by_call_kind', currency, sum(recordings), sum(unpriced_recordings), sum(cost)
    from marts.spend_by_call_kind
    group by currency
    union all
    select 'marts.spend_by_source', currency, sum(recordings), sum(unpriced_recordings), sum(cost)
    from marts.spend_by_source
    group by currency
    union all
    select 'marts.spend_by_channels', currency, sum(recordings), sum(unpriced_recordings), sum(cost)
    from marts.spend_by_channels
    group by currency
    union all
    select 'marts.spend_by_account', currency, sum(recordings), sum(unpriced_recordings), sum(cost)
    from marts.spend_by_account
    group by currency
),

models as (
    select distinct unnest([
        'marts.daily_spend_detail', 'marts.daily_spend', 'marts.monthly_spend', 'marts.spend_by_status',
        'marts.spend_by_call_kind', 'marts.spend_by_source', 'marts.spend_by_channels', 'marts.spend_by_account'
    ]) as model
),

expected as (
    select models.model, fact.*
    from fact
    cross join models
)

(select 'in the fact, not in the mart' as found, * from (select * from expected except select * from totals))
union all
(select 'in the mart, not in the fact' as found, * from (select * from totals except select * from expected))
