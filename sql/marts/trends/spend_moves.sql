with

weeks as (
    select
        account_sid,
        account_name,
        currency,
        weeks_ago,
        cast(level as double) as level,
    from marts.spend_weeks
),

-- A week with next to nothing counts as a twentieth of the usual week, since nothing has no logarithm.
logs as (
    select
        *,
        ln(nullif(
            greatest(level, median(level) over (partition by account_sid, currency) / 20), 0
        )) as log_level,
    from weeks
),

pairs as (
    select
        later.account_sid,
        later.account_name,
        later.currency,
        earlier.weeks_ago - later.weeks_ago as apart,
        later.log_level - earlier.log_level as move,
    from logs as later
    inner join logs as earlier
        on
            later.account_sid = earlier.account_sid and later.currency = earlier.currency
            and later.weeks_ago < earlier.weeks_ago
    where later.log_level is not null and earlier.log_level is not null
),

-- The median of the slopes between any two weeks: an unusual week hardly changes it.
slopes as (
    select
        account_sid,
        account_name,
        currency,
        median(move / apart) as slope,
        avg(move) filter (where apart = 1) as mean_move,
        avg(move * move) filter (where apart = 1) as mean_square,
        1.4826 * mad(move) filter (where apart = 1) as usual_move,
    from pairs
    group by account_sid, account_name, currency
)

-- Half from all moves and half from the usual one, so that a single step does not count fully.
select
    account_sid,
    account_name,
    currency,
    cast(slope as decimal(18, 12)) as slope,
    cast(
        (mean_square + slope * (slope - 2 * mean_move) + usual_move * usual_move) / 2
        as decimal(18, 12)
    ) as wander,
from slopes
order by account_sid, currency
