-- The lake must add up to the control totals that were taken before its files were written.
-- severity: fail
-- scope: parts
with

recordings as (
    select
        account_sid,
        strftime(timezone('UTC', created_at), '%Y-%m') as created_month,
        currency,
        source,
        status,
        count(*) as recordings,
        count(price) as priced,
        cast(coalesce(sum(duration_seconds), 0) as bigint) as seconds,
        coalesce(sum(price), 0) as price,
        min(created_at) as first_created_at,
        max(created_at) as last_created_at,
    from landed.recordings
    group by all
),

measured as (
    select
        account_sid,
        created_month,
        unnest(['rows', 'priced', 'seconds', 'first creation', 'last creation']) as measure,
        unnest([
            cast(sum(recordings) as varchar),
            cast(sum(priced) as varchar),
            cast(sum(seconds) as varchar),
            strftime(timezone('UTC', min(first_created_at)), '%Y-%m-%d %H:%M:%S.%f'),
            strftime(timezone('UTC', max(last_created_at)), '%Y-%m-%d %H:%M:%S.%f')
        ]) as value,
    from recordings
    group by account_sid, created_month
    union all
    select
        account_sid,
        created_month,
        concat('price ', currency) as measure,
        cast(cast(sum(price) as decimal(38, 9)) as varchar) as value,
    from recordings
    group by account_sid, created_month, currency
    union all
    select
        account_sid,
        created_month,
        concat('recordings of ', source) as measure,
        cast(sum(recordings) as varchar) as value,
    from recordings
    group by account_sid, created_month, source
    union all
    select
        account_sid,
        created_month,
        concat('recordings in ', status) as measure,
        cast(sum(recordings) as varchar) as value,
    from recordings
    group by account_sid, created_month, status
)

select
    coalesce(measured.account_sid, totals.account_sid) as account_sid,
    coalesce(measured.created_month, totals.created_month) as created_month,
    coalesce(measured.measure, totals.measure) as measure,
    totals.value as written,
    measured.value as found,
from measured
full join ops.lake_totals as totals
    on
        measured.account_sid = totals.account_sid
        and measured.created_month = totals.created_month
        and measured.measure = totals.measure
where measured.value is distinct from totals.value
