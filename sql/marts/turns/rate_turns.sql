with

turns as (
    select * from marts.turn_switches
),

rates as (
    select * from marts.effective_rates
    where prevailing_rate is not null
),

mixed as (
    select * from marts.mixed_rate_days
),

-- Charged days from the last switch on, until another rate lasted.
days as (
    select
        turns.*,
        rates.usage_date,
        case
            when rates.prevailing_rate in (turns.lower_rate, turns.higher_rate)
                then rates.prevailing_rate
        end as own_rate,
        mixed.usage_date is not null as is_shared,
    from turns
    inner join rates
        on
            turns.account_sid = rates.account_sid and turns.source = rates.source
            and turns.channels is not distinct from rates.channels
            and turns.currency = rates.currency
            and rates.usage_date >= turns.last_switch_on
            and rates.usage_date <= coalesce(turns.left_on, date '9999-12-31')
    left join mixed
        on
            rates.usage_date = mixed.usage_date and rates.account_sid = mixed.account_sid
            and rates.source = mixed.source and rates.channels is not distinct from mixed.channels
            and rates.currency = mixed.currency and turns.lower_rate = mixed.lower_rate
            and turns.higher_rate = mixed.higher_rate
),

-- Both are in use on the day of the last switch, on days with both, and where one comes back after a third rate.
compared as (
    select
        *,
        own_rate is not null and (
            is_shared or own_rate is distinct from lag(own_rate ignore nulls) over each_turn
        ) as is_use,
    from days
    window each_turn as (
        partition by account_sid, source, channels, currency, lower_rate, higher_rate, since
        order by usage_date
    )
),

-- The last of these days so far; where neither rate prevails, the last day on which one of them did.
measured as (
    select
        *,
        case
            when own_rate is null
                then max(case when own_rate is not null then usage_date end) over so_far
            else max(case when is_use then usage_date end) over so_far
        end as used_until,
    from compared
    window so_far as (
        partition by account_sid, source, channels, currency, lower_rate, higher_rate, since
        order by usage_date
        rows unbounded preceding
    )
),

-- A tier is not over because it is not reached.
judged as (
    select
        *,
        usage_date - used_until > most_days and coalesce(own_rate <> first_rate, true) as is_end,
    from measured
)

select
    account_sid,
    any_value(account_name) as account_name,
    source,
    channels,
    currency,
    lower_rate,
    higher_rate,
    since,
    least(
        coalesce(arg_min(used_until, usage_date) filter (where is_end), max(usage_date)),
        any_value(tier_until) - 1
    ) as last_day,
    bool_or(is_end or left_on is not null or tier_until is not null) as is_over,
    any_value(switches) as switches,
    any_value(turns_known_on) as turns_known_on,
    any_value(last_switch_on) as last_switch_on,
    case
        when
            arg_min(coalesce(own_rate = last_lasting_rate, false), usage_date)
            filter (where is_end)
            then any_value(last_lasting_on)
    end as ended_on,
    min(usage_date) filter (where is_end) as known_on,
    any_value(first_rate) as first_rate,
    any_value(threshold_minutes) as threshold_minutes,
    any_value(tier_months) as tier_months,
from judged
group by account_sid, source, channels, currency, lower_rate, higher_rate, since
order by since, account_sid, source, channels, currency, lower_rate, higher_rate
