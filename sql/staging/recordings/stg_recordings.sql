with

recordings as (
    select * from landed.recordings
),

settings as (
    select * from landed.settings
),

accounts as (
    select * from landed.accounts
),

closed_months as (
    select * from landed.closed_months
),

closed_terms as (
    select * from landed.closed_terms
),

charge_signs as (
    select * from marts.charge_signs
),

-- Of accounts that are not billed by full minutes. A closed month keeps the increment it had.
increments as (
    select
        account_sid,
        cast(null as date) as month,
        billing_increment_seconds,
    from accounts
    where billing_increment_seconds <> 60
    union all
    select
        accounts.account_sid,
        closed_months.month,
        coalesce(closed_terms.billing_increment_seconds, 60),
    from closed_months
    cross join accounts
    left join closed_terms
        on
            closed_months.month = closed_terms.month
            and accounts.account_sid = closed_terms.account_sid
    where coalesce(closed_terms.billing_increment_seconds, 60) <> accounts.billing_increment_seconds
),

dated as (
    select
        recordings.*,
        cast(timezone(settings.reporting_timezone, recordings.created_at) as date) as usage_date,
        settings.short_recording_seconds,
    from recordings
    cross join settings
),

incremented as (
    select
        recordings.*,
        coalesce(
            of_month.billing_increment_seconds, of_account.billing_increment_seconds, 60
        ) as increment_seconds,
    from dated as recordings
    left join increments as of_account
        on recordings.account_sid = of_account.account_sid and of_account.month is null
    left join increments as of_month
        on
            recordings.account_sid = of_month.account_sid
            and cast(date_trunc('month', recordings.usage_date) as date) = of_month.month
),

-- Prices count without their sign, unless the other sign means a credit. A closed month has a meaning of its own.
measured as (
    select
        recordings.*,
        cast(
            ceil(recordings.duration_seconds / recordings.increment_seconds)
            * recordings.increment_seconds / 60 as decimal(18, 10)
        ) as billed_minutes,
        case
            when of_month.account_sid is not null
                then coalesce(recordings.price * of_month.charge_sign, abs(recordings.price))
            else coalesce(recordings.price * of_account.charge_sign, abs(recordings.price))
        end as cost,
        recordings.price is not null as is_priced,
        -- Too short, silent or failed: there is no audio to store and never a price to come.
        coalesce(recordings.status in ('absent', 'failed'), false) as has_no_audio,
        -- Twilio also names a leg of the conference as the call.
        case
            when
                recordings.conference_sid is not null
                or recordings.source in ('Conference', 'StartConferenceRecording')
                then 'conference'
            when recordings.call_sid is not null then 'call'
            else 'unknown'
        end as call_kind,
        coalesce(recordings.duration_seconds < recordings.short_recording_seconds, false)
            as is_short,
    from incremented as recordings
    left join charge_signs as of_account
        on recordings.account_sid = of_account.account_sid and of_account.month is null
    left join charge_signs as of_month
        on
            recordings.account_sid = of_month.account_sid
            and cast(date_trunc('month', recordings.usage_date) as date) = of_month.month
)

select
    * exclude (short_recording_seconds, increment_seconds),
    not is_priced and not has_no_audio as is_awaiting_price,
    not has_no_audio and coalesce(media_location, '') <> 'external' as is_stored,
    cast(cost / nullif(billed_minutes, 0) as decimal(18, 6)) as rate,
    coalesce(cost < 0, false) as is_credit,
from measured
