with

found as (
    select
        * exclude (holiday),
        value - median as difference,
    from marts.daily_ranges
    where value < lower_bound or value > upper_bound
),

days as (
    select
        *,
        expected_cost is not null and unestimated_minutes = 0 as is_known,
    from marts.account_days
    where is_whole
),

by_source as (
    select
        usage_date,
        account_sid,
        currency,
        source,
        'cost' as measure,
        coalesce(sum(expected_cost), 0) as value,
    from marts.expected_daily_spend
    group by usage_date, account_sid, currency, source
    union all
    select
        usage_date,
        account_sid,
        currency,
        source,
        'minutes',
        cast(sum(billed_minutes) as decimal(38, 9)),
    from marts.expected_daily_spend
    group by usage_date, account_sid, currency, source
),

-- The day itself, and the earlier days of the same weekday it is compared with: those that its median is made of.
compared as (
    select
        found.usage_date,
        found.account_sid,
        found.currency,
        found.measure,
        days.usage_date as compared_date,
    from found
    cross join landed.settings as settings
    inner join days
        on
            found.account_sid = days.account_sid and found.currency = days.currency
            and days.usage_date between found.usage_date
            - settings.anomaly_window_days and found.usage_date
            and extract(isodow from found.usage_date) = days.weekday
            and (found.measure = 'minutes' or days.is_known)
),

sources as (
    select distinct
        compared.usage_date,
        compared.account_sid,
        compared.currency,
        compared.measure,
        by_source.source,
    from compared
    inner join by_source
        on
            compared.compared_date = by_source.usage_date
            and compared.account_sid = by_source.account_sid
            and compared.currency = by_source.currency and compared.measure = by_source.measure
),

differences as (
    select
        sources.usage_date,
        sources.account_sid,
        sources.currency,
        sources.measure,
        sources.source,
        coalesce(max(by_source.value) filter (where compared.compared_date = sources.usage_date), 0)
        - median(coalesce(by_source.value, 0)) filter (
            where compared.compared_date < sources.usage_date
        ) as difference,
    from sources
    inner join compared
        on
            sources.usage_date = compared.usage_date and sources.account_sid = compared.account_sid
            and sources.currency = compared.currency and sources.measure = compared.measure
    left join by_source
        on
            compared.compared_date = by_source.usage_date
            and sources.account_sid = by_source.account_sid
            and sources.currency = by_source.currency and sources.measure = by_source.measure
            and sources.source = by_source.source
    group by
        sources.usage_date, sources.account_sid, sources.currency, sources.measure, sources.source
),

ranked as (
    select
        found.*,
        differences.source,
        cast(differences.difference as decimal(38, 9)) as source_difference,
        row_number() over (
            partition by found.usage_date, found.account_sid, found.currency, found.measure
            order by differences.difference * sign(found.difference) desc, differences.source
        ) as place,
    from found
    left join differences
        on
            found.usage_date = differences.usage_date
            and found.account_sid = differences.account_sid
            and found.currency = differences.currency and found.measure = differences.measure
)

select * exclude (place) from ranked
where place = 1
order by usage_date, account_sid, currency, measure
