-- What was charged, in the columns of the FinOps specification FOCUS 1.2; focus.yml says what stands in each of them.
-- A charge without a currency cannot be said in FOCUS and is left out, like recordings without a price.
with

daily_charges as (
    select * from marts.daily_charges where currency <> 'XXX'
),

accounts as (
    select * from landed.accounts
),

charges as (
    select
        charge_date as first_day, cast(charge_date + interval 1 day as date) as end_day,
        cast(date_trunc('month', charge_date) as date) as billing_month,
        account_sid, source, channels, currency, 'Usage' as category, cast(null as varchar) as class,
        priced_recordings as recordings, duration_seconds, priced_minutes, cost, list_cost,
    from daily_charges
),

named as (
    select
        charges.*,
        coalesce(accounts.account_name, charges.account_sid) as account_name,
        case accounts.provider when 'twilio' then 'Twilio' else 'SignalWire' end as provider,
        case accounts.provider when 'twilio' then 'Account' else 'Project' end as account_type,
        coalesce(channels || case when channels = 1 then ' channel' else ' channels' end, 'channels not known') as heard,
    from charges
    left join accounts on charges.account_sid = accounts.account_sid
)

select
    cost as "BilledCost", cost as "EffectiveCost", list_cost as "ListCost", list_cost as "ContractedCost",
    currency as "BillingCurrency",
    account_sid as "BillingAccountId", account_name as "BillingAccountName", account_type as "BillingAccountType",
    timezone('UTC', cast(billing_month as timestamp)) as "BillingPeriodStart",
    timezone('UTC', cast(billing_month + interval 1 month as timestamp)) as "BillingPeriodEnd",
    timezone('UTC', cast(first_day as timestamp)) as "ChargePeriodStart",
    timezone('UTC', cast(end_day as timestamp)) as "ChargePeriodEnd",
    category as "ChargeCategory", class as "ChargeClass", 'Usage-Based' as "ChargeFrequency",
    'Call recordings: ' || source || ', ' || heard as "ChargeDescription",
    cast(duration_seconds as decimal(38, 9)) as "ConsumedQuantity",
    case when duration_seconds is not null then 'Seconds' end as "ConsumedUnit",
    cast(priced_minutes as decimal(38, 9)) as "PricingQuantity",
    case when priced_minutes is not null then 'Minutes' end as "PricingUnit",
    'Standard' as "PricingCategory",
    provider as "ProviderName", provider as "PublisherName", provider as "InvoiceIssuerName",
    'Media' as "ServiceCategory", 'Call Recording' as "ServiceName", 'Other (Media)' as "ServiceSubcategory",
    account_sid as "SubAccountId", account_name as "SubAccountName", account_type as "SubAccountType",
    -- What is not known is no tag.
    cast(case
        when channels is null then json_object('source', source)
        else json_object('channels', cast(channels as varchar), 'source', source)
    end as varchar) as "Tags",
    channels as "x_Channels", recordings as "x_Recordings", source as "x_Source",
from named
order by first_day, account_sid, source, channels, currency, class, end_day, billing_month, cost
