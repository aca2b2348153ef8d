with

compared as (
    select
        one.usage_date,
        one.account_sid,
        one.source,
        one.channels,
        one.currency,
        one.rate_charged as lower_rate,
        other.rate_charged as higher_rate,
        one.usage_date - lag(one.usage_date) over each_pair as days_before,
    from marts.shared_rates as one
    inner join marts.shared_rates as other
        on
            one.usage_date = other.usage_date and one.account_sid = other.account_sid
            and one.source = other.source and one.channels is not distinct from other.channels
            and one.currency = other.currency and one.rate_charged < other.rate_charged
    window each_pair as (
        partition by
            one.account_sid, one.source, one.channels, one.currency, one.rate_charged,
            other.rate_charged
        order by one.usage_date
    )
),

numbered as (
    select
        *,
        count(*) filter (where days_before > 14) over (
            partition by account_sid, source, channels, currency, lower_rate, higher_rate
            order by usage_date
            rows unbounded preceding
        ) as stretch,
    from compared
),

stretches as (
    select
        account_sid,
        source,
        channels,
        currency,
        lower_rate,
        higher_rate,
        min(usage_date) as since,
        max(usage_date) as last_day,
        count(*) as days,
    from numbered
    group by account_sid, source, channels, currency, lower_rate, higher_rate, stretch
    having count(*) >= 14
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
    stretches.days
having stretches.days * 2 >= count(*) filter (where rates.usage_date <= stretches.last_day)
order by since, account_sid, source, channels, currency, lower_rate, higher_rate
