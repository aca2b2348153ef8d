-- Datadog, Custom Costs: an array of JSON objects with these six properties in this order, then Tags; days as
-- 2026-09-30, the last one inclusive; USD only; values are not empty and have at most 1,000 characters. Nulls are left
-- out of the object. JSON rather than CSV, because a CSV row could not leave out an unknown tag. There is no billing
-- period: a correction counts for the day it corrects.
-- Documentation: https://docs.datadoghq.com/cloud_cost_management/setup/custom/
select
    "ProviderName",
    left("ChargeDescription", 1000) as "ChargeDescription",
    strftime(timezone('UTC', "ChargePeriodStart"), '%Y-%m-%d') as "ChargePeriodStart",
    strftime(timezone('UTC', "ChargePeriodEnd") - interval 1 day, '%Y-%m-%d') as "ChargePeriodEnd",
    "BilledCost",
    "BillingCurrency",
    struct_pack(
        account := left(nullif("SubAccountName", ''), 1000),
        account_sid := "SubAccountId",
        channels := cast("x_Channels" as varchar),
        charge_class := lower("ChargeClass"),
        service := "ServiceName",
        source := left(nullif("x_Source", ''), 1000)
    ) as "Tags",
from focus
where "BillingCurrency" = 'USD'
order by
    "ChargePeriodStart",
    "SubAccountId",
    "x_Source",
    "x_Channels",
    "ChargeClass" nulls first,
    "BilledCost"
