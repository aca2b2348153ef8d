-- Most records of a fetch, of the newest fetches together, of the newest days, of a day, or of all
-- days could not be understood: the figures lack them. If the API sends something new, a newer
-- recspend may understand it.
-- severity: fail
with

rejects as (
    select
        *,
        cast(timezone('UTC', created_at) as date) as day,
        concat(field, ' ', regexp_replace(reason, '^.* is ', 'is ')) as why,
        parse_dirpath(raw_page) as landing,
    from ops.rejects
),

listed as (
    select
        account_sid,
        new_from,
        sum(recordings) as recordings,
        sum(recordings) filter (where day >= new_from) as new_recordings,
    from (
        select
            *,
            max(day) over (partition by account_sid) - 6 as new_from,
        from ops.coverage
    )
    group by account_sid, new_from
),

landings as (
    select
        *,
        fetched_at >= max(fetched_at) over (partition by account_sid) - interval 1 hour as is_new,
    from ops.landings
    where (account_sid, landing) in (select (account_sid, landing) from ops.coverage)
),

newest as (
    select * from landings
    where is_new
),

-- A record whose day is not known is of the newest days if all days of its fetch are.
by_account as (
    select
        rejects.account_sid,
        any_value(listed.recordings) as recordings,
        any_value(listed.new_recordings) as new_recordings,
        count(*) as rejected,
        count(*) filter (where coalesce(day, window_first) >= new_from) as new_rejected,
        count(*) filter (where landing in (select landing from newest)) as just_rejected,
    from rejects
    inner join listed on rejects.account_sid = listed.account_sid
    group by rejects.account_sid
),

-- A few odd records of a day or of one small fetch are only in the warning about rejects.
found as (
    select
        account_sid,
        concat('fetch of ', first_day, ' to ', last_day) as part,
        rows - outside as records,
        rejected,
    from landings
    where rejected >= 10
    union all
    select
        newest.account_sid,
        'newest fetches' as part,
        sum(rows - outside - newest.rejected) + any_value(just_rejected) as records,
        any_value(just_rejected) as rejected,
    from newest
    inner join by_account on newest.account_sid = by_account.account_sid
    where just_rejected > 1
    group by newest.account_sid
    union all
    select
        account_sid,
        unnest(['all days', 'newest 7 days']) as part,
        unnest([recordings + rejected, if(new_rejected > 1, new_recordings + new_rejected, 0)])
            as records,
        unnest([rejected, if(new_rejected > 1, new_rejected, 0)]) as rejected,
    from by_account
    union all
    select
        rejects.account_sid,
        cast(rejects.day as varchar) as part,
        any_value(coalesce(coverage.recordings, 0)) + count(*) as records,
        count(*) as rejected,
    from rejects
    left join ops.coverage as coverage
        on rejects.account_sid = coverage.account_sid and rejects.day = coverage.day
    where rejects.day is not null
    group by rejects.account_sid, rejects.day
    having count(*) >= 10
),

commonest as (
    select
        account_sid,
        why,
        arg_min(
            concat(coalesce(recording_sid, 'without a sid'), ': ', field, ' ', reason), raw_page
        ) as example,
        min(raw_page) as raw_page,
    from rejects
    group by account_sid, why
    qualify row_number() over (partition by account_sid order by count(*) desc, why) = 1
)

select
    found.*,
    commonest.why as commonest_reason,
    commonest.example,
    commonest.raw_page,
from found
cross join landed.settings as settings
left join commonest on found.account_sid = commonest.account_sid
where found.rejected > found.records * settings.rejected_share_failure
