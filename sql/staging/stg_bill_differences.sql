with

comparison as (
    select * from staging.stg_bill_comparison
    -- Days on which there is nothing are no news.
    where our_recordings > 0 or their_recordings > 0 or their_minutes > 0 or their_cost <> 0
),

compared as (
    select
        *,
        their_cost - coalesce(our_cost, 0) as difference,
        their_minutes - our_minutes as more_minutes,
        their_minutes - our_minutes + our_unpriced_minutes as beyond_priced,
        our_recordings = 0 or (coalesce(their_recordings, 0) = 0 and their_minutes = 0 and their_cost = 0) as is_alone,
    from comparison
),

-- What minutes on one side only explain: at rates between the lowest and the highest of our own of the period.
bounded as (
    select
        *,
        least(beyond_priced * lowest_rate, beyond_priced * highest_rate) as least_by_minutes,
        greatest(beyond_priced * lowest_rate, beyond_priced * highest_rate) as most_by_minutes,
    from compared
),

explained as (
    select
        *,
        cast(case
            when is_alone then difference
            when beyond_priced = 0 then 0 * difference
            when lowest_rate is null then difference
            when difference < least_by_minutes then least_by_minutes
            when difference > most_by_minutes then most_by_minutes
            else difference
        end as decimal(38, 9)) as by_minutes,
    from bounded
),

parted as (
    select
        *,
        case
            when is_alone or our_unpriced_minutes = 0 or beyond_priced = 0 then 0 * by_minutes
            when more_minutes = 0 then by_minutes
            else cast(by_minutes * our_unpriced_minutes / beyond_priced as decimal(38, 9))
        end as unpriced,
        case
            when our_recordings = 0 or (their_recordings > our_recordings and more_minutes > 0) then 'only theirs'
            when is_alone or (their_recordings < our_recordings and more_minutes < 0) then 'only ours'
            else 'quantity'
        end as kind_of_minutes,
    from explained
)

select * from parted
