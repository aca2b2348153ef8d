-- Vantage, Custom Providers: a CSV of FOCUS columns; ChargeCategory, ChargePeriodStart, BilledCost and ServiceName are
-- required; days as 2026-09-30; Tags a JSON object; categories Credit, Refund, Discount, Tax or Usage.
-- There is no billing period: a correction counts for the day it corrects.
-- Documentation: https://docs.vantage.sh/connecting_custom_providers
select
    strftime(timezone('UTC', "ChargePeriodStart"), '%Y-%m-%d') as "ChargePeriodStart",
    case
        when "ChargeCategory" = 'Credit' then 'Credit'
        when "ChargeClass" = 'Correction' and "BilledCost" < 0 then 'Refund'
        else 'Usage'
    end as "ChargeCategory",
    "BilledCost",
    "BillingCurrency",
    "ConsumedQuantity",
    "ConsumedUnit",
    "SubAccountId" as "ResourceId",
    "ServiceCategory",
    "ServiceName",
    cast(case
        when
            "x_Channels" is null
            then json_object('account', "SubAccountName", 'source', "x_Source")
        else json_object(
            'account',
            "SubAccountName",
            'channels',
            cast("x_Channels" as varchar),
            'source',
            "x_Source"
        )
    end as varchar) as "Tags",
from focus
order by
    "ChargePeriodStart",
    "ResourceId",
    "x_Source",
    "x_Channels",
    "BillingCurrency",
    "ChargeClass" nulls first,
    "BilledCost"
