-- CloudZero, Common Bill Format: time/usage_start and cost/cost are required, and resource/id if there are tags. A
-- resource keeps one value per tag. / and : in its id separate kind and name, so they are percent-encoded. The format has
-- no currency column, so only USD is written: other amounts would be added to it. It has no billing period either: a
-- correction counts for the day it corrects.
-- Documentation: https://docs.cloudzero.com/docs/anycost-common-bill-format-cbf
select
    case
        when "ChargeClass" is not null then 'Adjustment'
        when "ChargeCategory" = 'Credit' then 'Credit'
        else 'Usage'
    end as "lineitem/type",
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
