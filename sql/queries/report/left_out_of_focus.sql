-- Recordings that FOCUS cannot express: without a price, or with a price but no currency.
select
    cast(coalesce((select sum(unpriced_recordings) from marts.daily_spend), 0) as bigint)
        as unpriced,
    cast(coalesce((
        select sum(priced_recordings) from marts.daily_charges
        where currency = 'XXX'
    ), 0) as bigint) as without_currency,
