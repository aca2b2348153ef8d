-- Which months are not final: days that were not read, or recordings without a price?
with

missing_days as (
    select
        cast(date_trunc('month', day) as date) as month,
        account_sid,
        count(*) as days,
    from ops.coverage
    where not is_covered
    group by date_trunc('month', day), account_sid
),

unpriced as (
    select
        month,
        account_sid,
        sum(unpriced_recordings) as recordings,
    from marts.spend_by_account
    group by month, account_sid
    having sum(unpriced_recordings) > 0
),

months as (
    select
        month,
        account_sid,
    from missing_days
    union
    select
        month,
        account_sid,
    from unpriced
)

select
    months.month,
    accounts.account_name,
    coalesce(missing_days.days, 0) as missing_days,
    coalesce(unpriced.recordings, 0) as unpriced_recordings,
from months
inner join landed.accounts as accounts on months.account_sid = accounts.account_sid
left join missing_days
    on months.month = missing_days.month and months.account_sid = missing_days.account_sid
left join unpriced
    on months.month = unpriced.month and months.account_sid = unpriced.account_sid
order by months.month, accounts.account_name
