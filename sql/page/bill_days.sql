-- Where the bill differs by more than the tolerance: single days, as far back as the page knows them.
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
cross join landed.settings as settings
where reconciliation.against <> 'invoice'
    and not reconciliation.is_within_tolerance
    and reconciliation.period_start >= date_trunc('month', settings.as_of - 92)
