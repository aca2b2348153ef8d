-- The cost of one day ($day, in the reporting time zone). An account without recordings on that day,
-- or with only absent and failed ones, was charged nothing; XXX has no cost.
with

unpriced as (
    select
        account_sid,
        cast(sum(unpriced_recordings) as bigint) as recordings,
    from marts.daily_spend
    where usage_date = cast($day as date)
    group by account_sid
)

select
    days.account_sid,
    days.account_name,
    days.currency,
    coalesce(days.cost, case when coalesce(unpriced.recordings, 0) = 0 then 0 end) as cost,
    coalesce(unpriced.recordings, 0) as unpriced,
from marts.account_days as days
left join unpriced on days.account_sid = unpriced.account_sid
where
    days.usage_date = cast($day as date)
    and days.is_whole
    and days.currency <> 'XXX'
order by days.account_name, days.account_sid, days.currency
