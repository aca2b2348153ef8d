-- Usage Records differ by more than the tolerance over a month, though each day is within it.
-- severity: warn
with

days as (
    select
        *,
        cast(date_trunc('month', period_start) as date) as month,
    from marts.reconciliation
    where against = 'usage records' and is_within_tolerance is not null and our_unpriced = 0
),

months as (
    select
        month,
        account_sid,
        currency,
        count(*) as days,
        bool_and(is_within_tolerance) as is_each_within,
        sum(difference) as difference,
        abs(sum(their_minutes) - sum(our_minutes)) as minutes_apart,
        abs(sum(their_recordings) - sum(our_recordings)) as recordings_apart,
        sum(their_cost) as their_cost,
        sum(their_minutes) as their_minutes,
        sum(their_recordings) as their_recordings,
    from days
    group by month, account_sid, currency
)

select
    months.month,
    months.account_sid,
    months.currency,
    months.days,
    months.difference,
    months.minutes_apart,
    months.recordings_apart,
from months
cross join landed.settings as settings
where
    months.is_each_within
    and (
        abs(months.difference)
        > greatest(
            settings.bill_tolerance_amount, settings.bill_tolerance_share * months.their_cost
        )
        or months.minutes_apart
        > greatest(
            settings.bill_tolerance_minutes, settings.bill_tolerance_share * months.their_minutes
        )
        or months.recordings_apart
        > greatest(
            settings.bill_tolerance_recordings,
            settings.bill_tolerance_share * months.their_recordings
        )
    )
