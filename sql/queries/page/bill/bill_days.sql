-- Days on which the bill differs by more than the tolerance, as far back as the page has single
-- days.
with

newest as (
    select cast(date_trunc('month', max(usage_date) - 92) as date) as daily_from
    from marts.daily_spend
)

select
    reconciliation.period_start as day,
    reconciliation.account_sid,
    reconciliation.currency,
    reconciliation.our_recordings,
    reconciliation.their_recordings,
    reconciliation.our_minutes,
    reconciliation.their_minutes,
    reconciliation.our_cost,
    reconciliation.their_cost,
    reconciliation.difference,
    reconciliation.class,
from marts.reconciliation as reconciliation
cross join newest
where
    reconciliation.against <> 'invoice'
    and not reconciliation.is_within_tolerance
    and reconciliation.period_start >= newest.daily_from
