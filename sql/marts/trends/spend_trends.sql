with

-- Growth is a share of the level: spend that grows by a fifth each month grows faster and faster.
moves as (
    select * replace (cast(slope as double) as slope, cast(wander as double) as wander)
    from marts.spend_moves
),

weeks as (
    select
        account_sid,
        account_name,
        currency,
        weeks_ago,
        days,
        cast(level as double) as level,
        cast(misfit as double) as misfit,
        cast(unusual_square as double) as unusual_square,
    from marts.spend_weeks
),

-- The pattern uses up six days of the history, and each week one; only the remaining days (degrees
-- of freedom) measure the noise. variance: of a week's level, as a share of the level.
spreads as (
    select
        account_sid,
        account_name,
        currency,
        count(*) as weeks,
        min(weeks_ago) as newest,
        cast(sum(days) as bigint) as days,
        sum(misfit) / nullif(greatest(sum(days) - count(*) - 6, 0), 0) as dispersion,
        coalesce(dispersion / nullif(avg(level), 0) / 7, 0 * dispersion) as variance,
        sum(unusual_square) / count(*) as unusual_variance,
    from weeks
    group by account_sid, account_name, currency
),

-- Four weeks are the minimum for a trend. drift: how much the level wanders in a week beyond the noise of days, as a
-- variance. Weekly averages of a wandering level move by 2/3 of it, and seven moves have six degrees of freedom: 1.75 makes
-- up for both. Eight weeks cannot rule out that the level wanders a little: 0.05.
drifts as (
    select
        spreads.*,
        case when spreads.weeks >= 4 then coalesce(moves.slope, 0) else 0 end as slope,
        case
            when spreads.weeks >= 4
                then 1.75 * greatest(moves.wander - 2 * variance, 0.05 * variance, 0)
        end as drift,
    from spreads
    left join
        moves
        on spreads.account_sid = moves.account_sid and spreads.currency = moves.currency
),

-- The more weeks vary, the fewer are combined for the level, and the less the slope predicts the
-- following weeks.
gains as (
    select
        *,
        greatest(0.25, coalesce(
            1
            - 2
            * variance
            / nullif(drift + sqrt(drift * drift + 4 * drift * variance) + 2 * variance, 0),
            0
        )) as gain,
        12 * variance / (weeks * (weeks * weeks - 1)) + 1.2 * drift / weeks as slope_variance,
    from drifts
),

-- At most 0.3, which triples spend in a month: no growth lasts that is faster.
damped as (
    select
        *,
        coalesce(
            least(
                abs(power(slope, 3) / nullif(slope * slope + 2 * slope_variance, 0)), 0.3
            )
            * sign(slope),
            0
        ) as growth,
    from gains
),

levels as (
    select
        weeks.account_sid,
        weeks.currency,
        sum(power(1 - gain, weeks_ago - newest) * level * exp(growth * (weeks_ago + 0.5)))
        / sum(power(1 - gain, weeks_ago - newest)) as level,
    from weeks
    inner join damped on weeks.account_sid = damped.account_sid and weeks.currency = damped.currency
    group by weeks.account_sid, weeks.currency
)

select
    damped.account_sid,
    damped.account_name,
    damped.currency,
    damped.days as history_days,
    damped.weeks as history_weeks,
    cast(levels.level as decimal(38, 9)) as level,
    cast(levels.level * (exp(damped.growth) - 1) as decimal(38, 9)) as change_per_week,
    cast(damped.dispersion as decimal(38, 9)) as dispersion,
    cast(
        levels.level * sqrt(damped.gain * damped.variance + coalesce(damped.drift, 0) / 3)
        as decimal(38, 9)
    ) as level_deviation,
    cast(levels.level * sqrt(damped.drift) as decimal(38, 9)) as drift_deviation,
    cast(
        levels.level * sqrt(damped.slope_variance + power(damped.slope - damped.growth, 2))
        as decimal(38, 9)
    ) as change_deviation,
    cast(sqrt(damped.unusual_variance) as decimal(38, 9)) as unusual_deviation,
    cast(damped.growth as decimal(18, 9)) as growth_per_week,
from damped
inner join levels on damped.account_sid = levels.account_sid and damped.currency = levels.currency
order by damped.account_sid, damped.currency
