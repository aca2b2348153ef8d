with

-- A list of days takes a fraction of the memory of a row for each day and pair.
pairs as (
    select
        one.account_sid,
        one.source,
        one.channels,
        one.currency,
        one.rate_charged as lower_rate,
        other.rate_charged as higher_rate,
        list_sort(list(one.usage_date)) as days,
    from marts.shared_rates as one
    inner join marts.shared_rates as other
        on
            one.usage_date = other.usage_date and one.account_sid = other.account_sid
            and one.source = other.source and one.channels is not distinct from other.channels
            and one.currency = other.currency and one.rate_charged < other.rate_charged
    group by
        one.account_sid, one.source, one.channels, one.currency, one.rate_charged,
        other.rate_charged
    having count(*) >= 14
),

-- The places in the list where a stretch begins: after more than two weeks without a shared day.
begun as (
    select
        *,
        list_filter(
            range(1, len(days) + 1),
            lambda place: place = 1 or days[place] - days[place - 1] > 14
        ) as places,
    from pairs
),

numbered as (
    select
        * exclude (places),
        unnest(places) as first_place,
        unnest(list_transform(places[2:], lambda place: place - 1) || [len(days)]) as last_place,
    from begun
),

stretches as (
    select
        * exclude (first_place, last_place),
        days[first_place] as since,
        days[last_place] as last_day,
        last_place - first_place + 1 as shared_days,
    from numbered
    where last_place - first_place + 1 >= 14
)

select
    stretches.account_sid,
    any_value(rates.account_name) as account_name,
    stretches.source,
    stretches.channels,
    stretches.currency,
    stretches.lower_rate,
    stretches.higher_rate,
    stretches.since,
    stretches.last_day,
    max(rates.usage_date) > stretches.last_day + 14 as is_over,
from stretches
inner join marts.effective_rates as rates
    on
        stretches.account_sid = rates.account_sid and stretches.source = rates.source
        and stretches.channels is not distinct from rates.channels
        and stretches.currency = rates.currency and stretches.since <= rates.usage_date
where rates.prevailing_rate is not null
group by
    stretches.account_sid, stretches.source, stretches.channels, stretches.currency,
    stretches.lower_rate, stretches.higher_rate, stretches.since, stretches.last_day,
    stretches.shared_days
having stretches.shared_days * 2 >= count(*) filter (where rates.usage_date <= stretches.last_day)
order by since, account_sid, source, channels, currency, lower_rate, higher_rate
