with

switches as (
    select * from marts.placed_switches
),

newest as (
    select
        account_sid,
        source,
        channels,
        currency,
        max(usage_date) as newest_day,
    from marts.effective_rates
    where prevailing_rate is not null
    group by account_sid, source, channels, currency
),

turns as (
    select
        account_sid,
        any_value(account_name) as account_name,
        source,
        channels,
        currency,
        lower_rate,
        higher_rate,
        since,
        max(switched_on) as last_switch_on,
        count(*) as switches,
        -- A tier is given two months, and so are rates that share their days.
        cast(case
            when bool_or(is_mixed or tier_month is not null) then 62
            else least(62, greatest(14, 2 * max(days_before) filter (where switched_on > since)))
        end as integer) as most_days,
        max(mixed_until) as both_until,
        arg_max(rate_before, switched_on) as left_rate,
        arg_max(rate_after, switched_on) as latest_rate,
        arg_max(is_lasting, switched_on) as is_lasting,
        any_value(tier_until) as tier_until,
        any_value(first_rate) as first_rate,
        any_value(threshold_minutes) as threshold_minutes,
        any_value(tier_months) as tier_months,
    from switches
    group by account_sid, source, channels, currency, lower_rate, higher_rate, since
    having bool_or(is_mixed or tier_month is not null) or count(*) >= 4
),

-- The last day before a lasting switch followed, and before that or a return of the rate before.
followed as (
    select
        turns.account_sid,
        turns.source,
        turns.channels,
        turns.currency,
        turns.lower_rate,
        turns.higher_rate,
        turns.since,
        min(switches.day_before) filter (where switches.is_lasting) as left_on,
        min(switches.day_before) filter (
            where switches.is_lasting or switches.rate_after = turns.left_rate
        ) as alone_until,
    from turns
    inner join switches
        on
            turns.account_sid = switches.account_sid and turns.source = switches.source
            and turns.channels is not distinct from switches.channels
            and turns.currency = switches.currency
            and turns.last_switch_on < switches.switched_on
    group by
        turns.account_sid, turns.source, turns.channels, turns.currency, turns.lower_rate,
        turns.higher_rate, turns.since
),

-- A tier that is not reached is not over.
measured as (
    select
        turns.*,
        newest.newest_day,
        followed.left_on,
        coalesce(followed.alone_until, newest.newest_day) - turns.both_until > turns.most_days
        and coalesce(turns.latest_rate <> turns.first_rate, true) as is_over,
    from turns
    inner join newest
        on
            turns.account_sid = newest.account_sid and turns.source = newest.source
            and turns.channels is not distinct from newest.channels
            and turns.currency = newest.currency
    left join followed
        on
            turns.account_sid = followed.account_sid and turns.source = followed.source
            and turns.channels is not distinct from followed.channels
            and turns.currency = followed.currency and turns.lower_rate = followed.lower_rate
            and turns.higher_rate = followed.higher_rate and turns.since = followed.since
)

select
    account_sid,
    account_name,
    source,
    channels,
    currency,
    lower_rate,
    higher_rate,
    since,
    case
        when is_over then greatest(both_until, last_switch_on - 1)
        else least(left_on, tier_until - 1, newest_day)
    end as last_day,
    is_over or coalesce(left_on, tier_until) is not null as is_over,
    switches,
    last_switch_on,
    case when is_over and is_lasting then last_switch_on end as ended_on,
    case when is_over and is_lasting then both_until + most_days + 1 end as known_on,
    first_rate,
    threshold_minutes,
    tier_months,
from measured
order by since, account_sid, source, channels, currency, lower_rate, higher_rate
