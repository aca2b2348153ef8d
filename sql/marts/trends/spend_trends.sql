with

weeks as (
    select * replace (cast(level as double) as level, cast(misfit as double) as misfit)
    from marts.spend_weeks
),

-- The median of the slopes between any two weeks: an unusual week hardly changes it.
slopes as (
    select
        later.account_sid,
        later.currency,
        median((later.level - earlier.level) / (earlier.weeks_ago - later.weeks_ago)) as slope,
        avg(later.level - earlier.level) filter (where earlier.weeks_ago - later.weeks_ago = 1)
            as move,
        avg(power(later.level - earlier.level, 2)) filter (
            where earlier.weeks_ago - later.weeks_ago = 1
        ) as moves,
    from weeks as later
    inner join weeks as earlier
        on
            later.account_sid = earlier.account_sid and later.currency = earlier.currency
            and later.weeks_ago < earlier.weeks_ago
    group by later.account_sid, later.currency
),

-- The pattern uses up six days of the history, and each week one; only the remaining days (degrees
-- of freedom) measure the noise.
spreads as (
    select
        account_sid,
        account_name,
        currency,
        count(*) as weeks,
        min(weeks_ago) as newest,
        cast(sum(days) as bigint) as days,
        sum(misfit) / nullif(greatest(sum(days) - count(*) - 6, 0), 0) as dispersion,
        sum(misfit) / nullif(greatest(sum(days) - count(*) - 6, 0), 0) * avg(level) / 7 as variance,
    from weeks
    group by account_sid, account_name, currency
),

-- Four weeks are the minimum for a trend. drift: changes between weeks beyond the noise of days.
moves as (
    select
        spreads.*,
        case when spreads.weeks >= 4 then slopes.slope else 0 end as slope,
        case
            when spreads.weeks >= 4
                then greatest(moves + slope * (slope - 2 * move) - 2 * spreads.variance, 0)
        end as drift,
    from spreads
    left join
        slopes
        on spreads.account_sid = slopes.account_sid and spreads.currency = slopes.currency
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
    from moves
),

damped as (
    select
        *,
        coalesce(power(slope, 3) / nullif(slope * slope + 2 * slope_variance, 0), 0)
            as change_per_week,
    from gains
),

levels as (
    select
        weeks.account_sid,
        weeks.currency,
        sum(power(1 - gain, weeks_ago - newest) * (level + change_per_week * (weeks_ago + 0.5)))
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
    cast(greatest(levels.level, 0) as decimal(38, 9)) as level,
    cast(damped.change_per_week as decimal(38, 9)) as change_per_week,
    cast(damped.dispersion as decimal(38, 9)) as dispersion,
    cast(sqrt(damped.gain * damped.variance) as decimal(38, 9)) as level_deviation,
    cast(sqrt(damped.drift) as decimal(38, 9)) as drift_deviation,
    cast(
        sqrt(damped.slope_variance + power(damped.slope - damped.change_per_week, 2)) as decimal(
            38, 9
        )
    ) as change_deviation,
from damped
inner join levels on damped.account_sid = levels.account_sid and damped.currency = levels.currency
order by damped.account_sid, damped.currency
