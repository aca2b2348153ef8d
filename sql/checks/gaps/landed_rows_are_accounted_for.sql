-- Every row the API listed must be a recording in the lake, a reject, a repetition, or belong to
-- another window; any other row was lost.
-- severity: fail
with

landed as (
    select
        account_sid,
        sum(rows) as landed_rows,
        sum(rejected) as rejected,
        sum(repeated) as repeated,
        sum(outside) as outside,
    from (
        select
            account_sid,
            rows,
            rejected,
            repeated,
            outside,
        from ops.landings
        union all
        select
            account_sid,
            rows,
            rejected,
            repeated,
            outside,
        from ops.landings_by_month
    )
    group by account_sid
),

-- The lake has as many rows as its totals say: lake_equals_its_totals.
lake as (
    select
        account_sid,
        sum(cast(value as bigint)) as recordings,
    from ops.lake_totals
    where measure = 'rows'
    group by account_sid
),

compared as (
    select
        coalesce(landed.account_sid, lake.account_sid) as account_sid,
        coalesce(landed_rows, 0) as landed_rows,
        coalesce(rejected + repeated + outside, 0) as accounted_for,
        coalesce(recordings, 0) as recordings,
    from landed
    full join lake on landed.account_sid = lake.account_sid
)

select *
from compared
where landed_rows <> accounted_for + recordings
