-- The charges, in the columns of the FinOps specification FOCUS 1.2; focus.yml describes each of
-- them. FOCUS cannot express a charge without a currency, so it is left out, like recordings
-- without a price.
with

charges as (
    select * from staging.stg_billed_charges
    where currency <> 'XXX'
),

accounts as (
    select * from landed.accounts
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
    charged_cost as "BilledCost",
    charged_cost as "EffectiveCost",
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
    if(is_credit, 'Credit', 'Usage') as "ChargeCategory",
    class as "ChargeClass",
    'Usage-Based' as "ChargeFrequency",
    case when class is null then 'Call' else 'Correction of call' end
    || case when is_credit then ' recordings, credit: ' else ' recordings: ' end
    || source || ', ' || heard as "ChargeDescription",
    case when not is_credit then cast(charged_seconds as decimal(38, 9)) end
        as "ConsumedQuantity",
    case when not is_credit then 'Seconds' end as "ConsumedUnit",
    cast(charged_minutes as decimal(38, 9)) as "PricingQuantity",
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
    charged_recordings as "x_Recordings",
    source as "x_Source",
from named
order by
    charge_date, account_sid, source, channels, currency, class nulls first, billing_month,
    is_credit
