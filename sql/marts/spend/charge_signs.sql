with

recordings as (
    select * from landed.recordings
),

accounts as (
    select * from landed.accounts
    where credits = 'net'
),

closed_months as (
    select * from landed.closed_months
),

closed_signs as (
    select * from landed.closed_terms
    where charge_sign is not null
),

-- Most prices have the sign of a charge. If there are as many of either, it is the documented one.
usual as (
    select
        recordings.account_sid,
        count(*) filter (where recordings.price < 0) as negative,
        count(*) filter (where recordings.price > 0) as positive,
    from recordings
    inner join accounts on recordings.account_sid = accounts.account_sid
    group by recordings.account_sid
),

current_signs as (
    select
        accounts.account_sid,
        cast(null as date) as month,
        cast(if(usual.positive > usual.negative, 1, -1) as tinyint) as charge_sign,
    from accounts
    left join usual on accounts.account_sid = usual.account_sid
),

known_accounts as (
    select account_sid from current_signs
    union
    select account_sid from closed_signs
),

-- A closed month keeps its meaning, whatever the setting and the usual sign are now.
kept as (
    select
        accounts.account_sid,
        closed_months.month,
        closed_signs.charge_sign,
    from closed_months
    cross join known_accounts as accounts
    left join closed_signs
        on
            closed_months.month = closed_signs.month
            and accounts.account_sid = closed_signs.account_sid
)

select * from current_signs
union all
select * from kept
