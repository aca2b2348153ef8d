with

differences as (
    select * from staging.stg_bill_differences
),

accounts as (
    select * from landed.accounts
),

settings as (
    select * from landed.settings
),

classes as (
    select
        *,
        case when kind_of_minutes = 'only ours' then by_minutes else 0 * by_minutes end
            as only_ours,
        case when kind_of_minutes = 'only theirs' then by_minutes else 0 * by_minutes end
            as only_theirs,
        case when kind_of_minutes = 'quantity' then by_minutes else 0 * by_minutes end as quantity,
        difference - by_minutes - unpriced as rate,
        -- Recordings without a price may or may not be in their counts.
        case
            when their_recordings is not null
                then greatest(their_recordings - our_recordings, our_priced - their_recordings, 0)
        end as recordings_apart,
        -- A second is 0.0167 minutes, so far less is a matter of rounding.
        case
            when their_minutes is null then null
            when greatest(more_minutes, our_priced_minutes - their_minutes) <= 0.0001 then 0
            else
                cast(
                    greatest(more_minutes, our_priced_minutes - their_minutes) as decimal(29, 9)
                )
        end as minutes_apart,
    from differences
),

-- The largest part determines the class of the difference.
sized as (
    select
        *,
        greatest(abs(only_ours), abs(only_theirs), abs(quantity), abs(rate), abs(unpriced))
            as largest,
    from classes
)

select
    against,
    period_start,
    sized.account_sid,
    coalesce(account_name, sized.account_sid) as account_name,
    currency,
    our_recordings,
    our_unpriced,
    our_minutes,
    our_cost,
    their_recordings,
    their_minutes,
    their_cost,
    difference,
    case largest
        when 0 then if(minutes_apart > 0 or recordings_apart > 0, 'quantity', 'none')
        when abs(only_theirs) then 'only theirs' when
            abs(only_ours)
            then 'only ours'
        when abs(quantity) then 'quantity' when abs(unpriced) then 'unpriced' when
            abs(rate)
            then 'rate'
    end as class,
    only_ours as only_ours_amount,
    only_theirs as only_theirs_amount,
    quantity as quantity_amount,
    rate as rate_amount,
    unpriced as unpriced_amount,
    is_billed and days_missing = 0 as is_comparable,
    case
        when is_billed and days_missing = 0
            then
                abs(difference)
                <= greatest(bill_tolerance_amount, bill_tolerance_share * their_cost)
                and minutes_apart
                <= greatest(bill_tolerance_minutes, bill_tolerance_share * their_minutes)
                and coalesce(
                    recordings_apart
                    <= greatest(bill_tolerance_recordings, bill_tolerance_share * their_recordings),
                    true
                )
    end as is_within_tolerance,
    case
        when not is_billed then 'no usage record read yet'
        when days_missing > 0 then concat('days not read whole: ', days_missing)
        when our_unpriced > 0 then concat('recordings without a price: ', our_unpriced)
    end as note,
    recordings_apart,
    minutes_apart,
from sized
cross join settings
left join accounts on sized.account_sid = accounts.account_sid
order by against, period_start, sized.account_sid, currency
