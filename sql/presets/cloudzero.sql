-- CloudZero, Common Bill Format: time/usage_start and cost/cost must be there, resource/id beside tags. A resource keeps
-- one value of each tag, and / or : in its id part the kind from the name, so they are written as in a URL. The format
-- has no column for a currency, so only USD is written: amounts of others would be added to it. It has none for a
-- billing period either: a correction counts for the day it corrects.
-- Documentation: https://docs.cloudzero.com/docs/anycost-common-bill-format-cbf
select
    case when "ChargeClass" is null then 'Usage' else 'Adjustment' end as "lineitem/type",
    "ChargeDescription" as "lineitem/description",
    "ProviderName" as "lineitem/cloud_provider",
    strftime(timezone('UTC', "ChargePeriodStart"), '%Y-%m-%dT%H:%M:%SZ') as "time/usage_start",
    'recording/' || "SubAccountId" || '.' || replace(replace("x_Source", '/', '%2F'), ':', '%3A')
    || coalesce('.' || "x_Channels", '') as "resource/id",
    "ServiceName" as "resource/service",
    "SubAccountId" as "resource/account",
    "x_Source" as "resource/usage_family",
    "SubAccountName" as "resource/tag:account",
    "x_Channels" as "resource/tag:channels",
    "x_Source" as "resource/tag:source",
    "PricingQuantity" as "usage/amount",
    lower("PricingUnit") as "usage/units",
    "BilledCost" as "cost/cost",
    "ListCost" as "cost/on_demand_cost",
from focus
where "BillingCurrency" = 'USD'
order by "time/usage_start", "resource/id", "ChargeClass" nulls first, "cost/cost"
