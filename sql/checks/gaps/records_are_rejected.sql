-- A record that could not be understood is in no figure.
-- severity: warn
select
    account_sid,
    recording_sid,
    raw_page,
    position,
    field,
    reason,
from ops.rejects
