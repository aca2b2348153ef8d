-- What a missing price is estimated at must be its minutes at a rate that the account was charged
-- before, or at one of the rate card.
-- severity: fail
with

known_rates as (
    select distinct
        account_sid,
        currency,
        coalesce(prevailing_rate, 0) as rate,
    from marts.effective_rates
    where prevailing_rate is not null or free_minutes > 0
    union
    select distinct
        account_sid,
        currency,
        price_per_minute,
    from marts.rate_periods
)

select
    estimates.usage_date,
    estimates.account_sid,
    estimates.source,
    estimates.channels,
    estimates.estimate_currency,
    estimates.unpriced_minutes,
    estimates.expected_rate,
    estimates.estimate,
from marts.unpriced_estimates as estimates
left join known_rates
    on
        estimates.account_sid = known_rates.account_sid
        and estimates.estimate_currency = known_rates.currency
        and estimates.expected_rate = known_rates.rate
where
    estimates.expected_rate is not null
    and (
        known_rates.rate is null
        or coalesce(estimates.estimate, 0)
        <> cast(estimates.unpriced_minutes * estimates.expected_rate as decimal(38, 9))
    )
