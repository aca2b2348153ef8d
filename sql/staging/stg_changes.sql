with

changes as (
    select * from landed.changes
),

charge_signs as (
    select * from marts.charge_signs
),

closed_terms as (
    select * from landed.closed_terms
),

settings as (
    select * from landed.settings
),

dated as (
    select
        changes.*,
        cast(
            date_trunc('month', timezone(settings.reporting_timezone, created_at_before)) as date
        ) as month_before,
        cast(
            date_trunc('month', timezone(settings.reporting_timezone, created_at_after)) as date
        ) as month_after,
    from changes
    cross join settings
),

named as (
    select
        *,
        case
            when
                month_before <> month_after
                or source_before <> source_after
                or (channels_before is distinct from channels_after)
                then 'moved'
            when first_priced_at is null and price_after is not null then 'late price'
            when price_before is null and price_after is null and has_no_audio_after
                then 'no price due'
            else 'correction'
        end as kind,
        row_number() over (partition by recording_sid order by seen_at) = 1 as is_first,
    from dated
),

-- The amounts a change removes from where the recording was and adds where it is now.
sides as (
    select
        recording_sid,
        account_sid,
        seen_at,
        first_seen_at,
        is_first,
        kind,
        'before' as side,
        month_before as month,
        created_at_before as created_at,
        source_before as source,
        channels_before as channels,
        currency_before as currency,
        has_no_audio_before as has_no_audio,
        duration_seconds_before as duration_seconds,
        price_before as price,
    from named
    union all
    select
        recording_sid,
        account_sid,
        seen_at,
        first_seen_at,
        is_first,
        kind,
        'after',
        month_after,
        created_at_after,
        source_after,
        channels_after,
        currency_after,
        has_no_audio_after,
        duration_seconds_after,
        price_after,
    from named
)

select
    sides.recording_sid,
    sides.account_sid,
    sides.seen_at,
    sides.first_seen_at,
    sides.is_first,
    sides.kind,
    sides.side,
    sides.month,
    sides.created_at,
    source,
    channels,
    currency,
    price is not null as is_priced,
    price is null and not has_no_audio as is_awaiting_price,
    duration_seconds,
    -- Only closed months need their changes, and a closed month keeps its terms.
    cast(
        ceil(duration_seconds / coalesce(closed_terms.billing_increment_seconds, 60))
        * coalesce(closed_terms.billing_increment_seconds, 60) / 60 as decimal(18, 10)
    ) as billed_minutes,
    coalesce(price * charge_signs.charge_sign, abs(price)) as cost,
from sides
left join charge_signs
    on sides.account_sid = charge_signs.account_sid and sides.month = charge_signs.month
left join closed_terms
    on sides.account_sid = closed_terms.account_sid and sides.month = closed_terms.month
