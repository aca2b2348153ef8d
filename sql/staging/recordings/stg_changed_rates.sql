with

switches as (
    select * from marts.placed_switches
),

turns as (
    select * from marts.rate_turns
),

replacements as (
    select * from marts.rate_replacements
),

-- A new rate of turns that follow others took the place of one of them, whichever prevailed the day before.
replaced as (
    select
        switches.account_sid,
        switches.source,
        switches.channels,
        switches.currency,
        switches.switched_on,
        switches.is_lasting,
        arg_min(replacements.rate_replaced, (replacements.since, replacements.rate_replaced))
            as rate_replaced,
        min(replacements.known_on) as known_on,
    from switches
    inner join replacements
        on
            switches.account_sid = replacements.account_sid
            and switches.source = replacements.source
            and switches.channels is not distinct from replacements.channels
            and switches.currency = replacements.currency
            and switches.rate_after = replacements.rate_new
            and replacements.since between switches.switched_on and switches.switched_on + 62
            and (switches.is_lasting or switches.switched_on = replacements.short_since)
    group by all
),

changes as (
    select
        switches.account_sid,
        switches.account_name,
        switches.source,
        switches.channels,
        switches.currency,
        switches.switched_on as changed_on,
        coalesce(replaced.rate_replaced, switches.rate_before) as rate_before,
        switches.rate_after,
        case
            when not switches.is_lasting then replaced.known_on
            when switches.switched_on = turns.ended_on then turns.known_on
            else switches.switched_on
        end as known_on,
    from switches
    left join replaced
        on
            switches.account_sid = replaced.account_sid and switches.source = replaced.source
            and switches.channels is not distinct from replaced.channels
            and switches.currency = replaced.currency
            and switches.switched_on = replaced.switched_on
            and switches.is_lasting = replaced.is_lasting
    left join turns
        on
            switches.account_sid = turns.account_sid and switches.source = turns.source
            and switches.channels is not distinct from turns.channels
            and switches.currency = turns.currency and switches.lower_rate = turns.lower_rate
            and switches.higher_rate = turns.higher_rate and switches.since = turns.since
    where
        (switches.is_lasting and (turns.since is null or switches.switched_on = turns.ended_on))
        or (
            replaced.rate_replaced is not null
            and (not switches.is_lasting or switches.switched_on = turns.since)
        )
)

select * from changes
