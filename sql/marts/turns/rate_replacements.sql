with

turns as (
    select * from marts.rate_turns
),

switches as (
    select * from marts.placed_switches
),

-- Turns that began within two months after others of the same minutes had their last switch.
followed as (
    select
        turns.account_sid,
        turns.source,
        turns.channels,
        turns.currency,
        turns.since,
        turns.lower_rate,
        turns.higher_rate,
        earlier.lower_rate as earlier_lower,
        earlier.higher_rate as earlier_higher,
        earlier.last_switch_on as earlier_switch_on,
        case
            when earlier.is_over
                then greatest(
                    turns.turns_known_on, coalesce(earlier.known_on, earlier.last_day + 1)
                )
        end as known_on,
        turns.lower_rate in (earlier.lower_rate, earlier.higher_rate) as is_lower_kept,
        turns.higher_rate in (earlier.lower_rate, earlier.higher_rate) as is_higher_kept,
    from turns
    inner join turns as earlier
        on
            turns.account_sid = earlier.account_sid and turns.source = earlier.source
            and turns.channels is not distinct from earlier.channels
            and turns.currency = earlier.currency
            and earlier.since < turns.since
            and earlier.last_switch_on between turns.since - 62 and turns.since
    qualify row_number() over (
        partition by
            turns.account_sid, turns.source, turns.channels, turns.currency, turns.since,
            turns.lower_rate, turns.higher_rate
        order by
            earlier.last_switch_on desc, earlier.since desc, earlier.lower_rate,
            earlier.higher_rate
    ) = 1
),

replacements as (
    select
        *,
        lower_rate as rate_new,
        case
            when not is_higher_kept then earlier_lower
            when higher_rate = earlier_lower then earlier_higher
            else earlier_lower
        end as rate_replaced,
    from followed
    where not is_lower_kept
    union all
    select
        *,
        higher_rate as rate_new,
        case
            when not is_lower_kept then earlier_higher
            when lower_rate = earlier_higher then earlier_lower
            else earlier_higher
        end as rate_replaced,
    from followed
    where not is_higher_kept
)

-- A rate of weekends, say, prevails for two days at a time: none of its switches is lasting.
select
    replacements.account_sid,
    replacements.source,
    replacements.channels,
    replacements.currency,
    replacements.since,
    replacements.lower_rate,
    replacements.higher_rate,
    replacements.rate_new,
    any_value(replacements.rate_replaced) as rate_replaced,
    any_value(replacements.known_on) as known_on,
    case
        when
            not bool_or(switches.is_lasting) and any_value(replacements.known_on) is not null
            and min(switches.switched_on) >= any_value(replacements.earlier_switch_on)
            then min(switches.switched_on)
    end as short_since,
from replacements
left join switches
    on
        replacements.account_sid = switches.account_sid and replacements.source = switches.source
        and replacements.channels is not distinct from switches.channels
        and replacements.currency = switches.currency
        and replacements.rate_new = switches.rate_after
        and switches.switched_on between replacements.since - 62 and replacements.since
group by
    replacements.account_sid, replacements.source, replacements.channels, replacements.currency,
    replacements.since, replacements.lower_rate, replacements.higher_rate, replacements.rate_new
