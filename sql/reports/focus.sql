-- The charges, in the columns of the FinOps specification FOCUS 1.2; focus.yml describes each of
-- them. FOCUS cannot express a charge without a currency, so it is left out, like recordings
-- without a price. A day of a closed month stays as it was when closed; later changes are
-- corrections of that day, billed in the month in which they were found.
with

daily_charges as (
    select * from marts.daily_charges
    where currency <> 'XXX'
),

corrections as (
    select * from marts.charge_corrections
    where currency <> 'XXX'
),

accounts as (
    select * from landed.accounts
),

parts as (
    select
        charge_date,
        cast(date_trunc('month', charge_date) as date) as billing_month,
        cast(null as varchar) as class,
        account_sid,
        source,
        channels,
        currency,
        priced_recordings,
        duration_seconds,
        priced_minutes,
        cost,
        list_cost,
    from daily_charges
    union all
    select
        charge_date,
        cast(date_trunc('month', charge_date) as date),
        null,
        account_sid,
        source,
        channels,
        currency,
        -priced_recordings_change,
        -duration_seconds_change,
        -priced_minutes_change,
        -cost_change,
        -list_cost_change,
    from corrections
    union all
    select
        charge_date,
        month_found,
        'Correction',
        account_sid,
        source,
        channels,
        currency,
        priced_recordings_change,
        duration_seconds_change,
        priced_minutes_change,
        cost_change,
        list_cost_change,
    from corrections
),

charges as (
    select
        charge_date,
        billing_month,
        class,
        account_sid,
        source,
        channels,
        currency,
        cast(sum(priced_recordings) as bigint) as recordings,
        sum(duration_seconds) as duration_seconds,
        sum(priced_minutes) as priced_minutes,
        cast(sum(cost) as decimal(38, 9)) as cost,
        cast(sum(list_cost) as decimal(38, 9)) as list_cost,
    from parts
    group by charge_date, billing_month, class, account_sid, source, channels, currency
    having
        sum(priced_recordings) <> 0
        or sum(duration_seconds) <> 0
        or sum(priced_minutes) <> 0
        or sum(cost) <> 0
),

named as (
    select
        charges.*,
        coalesce(accounts.account_name, charges.account_sid) as account_name,
        case accounts.provider when 'twilio' then 'Twilio' else 'SignalWire' end as provider,
        case accounts.provider when 'twilio' then 'Account' else 'Project' end as account_type,
        coalesce(
            channels || case when channels = 1 then ' channel' else ' channels' end,
            'channels not known'
        ) as heard,
    from charges
    left join accounts on charges.account_sid = accounts.account_sid
)

select
    cost as "BilledCost",
    cost as "EffectiveCost",
    list_cost as "ListCost",
    list_cost as "ContractedCost",
    currency as "BillingCurrency",
    account_sid as "BillingAccountId",
    account_name as "BillingAccountName",
    account_type as "BillingAccountType",
    timezone('UTC', cast(billing_month as timestamp)) as "BillingPeriodStart",
    timezone('UTC', cast(billing_month + interval 1 month as timestamp)) as "BillingPeriodEnd",
    timezone('UTC', cast(charge_date as timestamp)) as "ChargePeriodStart",
    timezone('UTC', cast(charge_date + interval 1 day as timestamp)) as "ChargePeriodEnd",
    'Usage' as "ChargeCategory",
    class as "ChargeClass",
    'Usage-Based' as "ChargeFrequency",
    case when class is null then 'Call recordings: ' else 'Correction of call recordings: ' end
    || source || ', ' || heard as "ChargeDescription",
    cast(duration_seconds as decimal(38, 9)) as "ConsumedQuantity",
    'Seconds' as "ConsumedUnit",
    cast(priced_minutes as decimal(38, 9)) as "PricingQuantity",
    'Minutes' as "PricingUnit",
    'Standard' as "PricingCategory",
    provider as "ProviderName",
    provider as "PublisherName",
    provider as "InvoiceIssuerName",
    'Media' as "ServiceCategory",
    'Call Recording' as "ServiceName",
    'Other (Media)' as "ServiceSubcategory",
    account_sid as "SubAccountId",
    account_name as "SubAccountName",
    account_type as "SubAccountType",
    -- An unknown value gets no tag.
    cast(case
        when channels is null then json_object('source', source)
        else json_object('channels', cast(channels as varchar), 'source', source)
    end as varchar) as "Tags",
    channels as "x_Channels",
    recordings as "x_Recordings",
    source as "x_Source",
from named
order by charge_date, account_sid, source, channels, currency, class nulls first, billing_month
