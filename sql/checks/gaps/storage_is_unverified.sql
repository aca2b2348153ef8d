-- Recordings that count as kept were last looked for long ago and may have been deleted since, so the
-- storage figures may be too high: raise audit_requests, or run once with --audit.
-- severity: warn
select
    retention.account_sid,
    min(retention.verified_at) as verified_at,
    sum(retention.standing_recordings) as standing_recordings,
    sum(retention.standing_minutes) as standing_minutes,
from marts.retention_candidates as retention
cross join landed.settings as settings
where
    date_diff('day', cast(timezone('UTC', retention.verified_at) as date), settings.as_of)
    > settings.audit_warning_days
group by retention.account_sid
