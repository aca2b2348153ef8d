-- Differences from the rate card in the last $recent_days days, the largest first.
select
    differences.account_sid,
    differences.account_name,
    differences.source,
    differences.channels,
    differences.currency,
    min(differences.usage_date) as first_day,
    max(differences.usage_date) as last_day,
    sum(differences.priced_minutes) as priced_minutes,
    sum(differences.cost) as cost,
    sum(differences.cost_due) as cost_due,
    sum(differences.difference) as difference,
    cast(sum(differences.priced_recordings) as bigint) as priced_recordings,
    sum(differences.overcharged) as overcharged,
    sum(differences.undercharged) as undercharged,
from marts.rate_differences as differences
cross join landed.settings as settings
where differences.usage_date > settings.as_of - cast($recent_days as integer)
group by
    differences.account_sid, differences.account_name, differences.source, differences.channels,
    differences.currency
order by
    abs(sum(differences.difference)) desc,
    differences.account_sid,
    differences.source,
    differences.channels,
    differences.currency
