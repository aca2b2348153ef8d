with

comparison as (
    select * from staging.stg_bill_comparison
    -- Days with nothing on either side are left out.
    where our_recordings > 0 or their_recordings > 0 or their_minutes > 0 or their_cost <> 0
),

compared as (
    select
        *,
        their_cost - coalesce(our_cost, 0) as difference,
        their_minutes - our_minutes as more_minutes,
        our_recordings = 0
        or (coalesce(their_recordings, 0) = 0 and their_minutes = 0 and their_cost = 0) as is_alone,
    from comparison
),

-- Extra minutes cost between our lowest and highest rate in the period. So do missing minutes, but
-- these may be our minutes without a price.
bounded as (
    select
        *,
        case
            when more_minutes > 0 then more_minutes * lowest_rate else more_minutes * highest_rate
        end as least_by_minutes,
        case
            when more_minutes > 0 then more_minutes * highest_rate
            when
                more_minutes + our_unpriced_minutes < 0
                then (more_minutes + our_unpriced_minutes) * lowest_rate
            else 0 * more_minutes * highest_rate
        end as most_by_minutes,
    from compared
),

by_minutes as (
    select
        *,
        cast(case
            when is_alone then difference
            when
                lowest_rate is null and (our_unpriced_minutes > 0 or more_minutes = 0)
                then 0 * difference
            when difference < least_by_minutes then least_by_minutes
            when difference > most_by_minutes then most_by_minutes
            else difference
        end as decimal(38, 9)) as by_minutes,
    from bounded
),

-- Minutes without a price may turn out to be free, or cost the highest rate.
parted as (
    select
        *,
        cast(case
            when is_alone or difference <= by_minutes then 0 * difference
            when
                lowest_rate is not null
                and difference - by_minutes > our_unpriced_minutes * highest_rate
                -- Without the cast, all branches would be rounded to seven decimals.
                then cast(our_unpriced_minutes * highest_rate as decimal(38, 9))
            when our_unpriced_minutes > 0 then difference - by_minutes
            else 0 * difference
        end as decimal(38, 9)) as unpriced,
        case
            when
                our_recordings = 0 or (their_recordings > our_recordings and more_minutes > 0)
                then 'only theirs'
            when
                is_alone or (their_recordings < our_recordings and more_minutes < 0)
                then 'only ours'
            else 'quantity'
        end as kind_of_minutes,
    from by_minutes
)

select * from parted
